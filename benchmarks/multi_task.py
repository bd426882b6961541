"""Seconds of a training step with several tasks, against the plain sum.

    python -m benchmarks.multi_task --backends jax torch --tasks 2 4 8

A network of dense layers, shared but for a head of two layers per task, its
step compiled where the backend compiles. The variants take turns, and each
figure is the median; what counts is its ratio to `plain`, the same network
trained on the sum of the losses.

plain      keras.Model
layer      GradientAggregation behind the shared layers, MGDA
upgrad     the same with UPGrad
full       MultiTaskModel with the exact gradients, MGDA
torchjd    on PyTorch, where it is installed: `mtl_backward` with MGDA on the
           same network, `torch` its plain sum
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time

VARIANTS = ("plain", "layer", "upgrad", "full")


def make(variant, num_tasks, width):
    import keras

    from keras_tricks.layers import GradientAggregation
    from keras_tricks.models import MultiTaskModel

    keras.utils.set_random_seed(0)
    x = keras.Input((128,))
    h = x
    for _ in range(4):
        h = keras.layers.Dense(width, "relu")(h)
    copies = [h] * num_tasks
    if variant in ("layer", "upgrad"):
        name = {"layer": "mgda"}.get(variant, variant)
        copies = GradientAggregation(num_tasks, name)(h)
    outputs = [
        keras.layers.Dense(1)(keras.layers.Dense(64, "relu")(copy))
        for copy in copies
    ]
    cls = MultiTaskModel if variant == "full" else keras.Model
    model = cls(x, outputs)
    options = {"aggregator": "mgda"} if variant == "full" else {}
    model.compile("adam", ["mse"] * num_tasks, **options)
    return model


def batch(size, num_tasks):
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.normal(size=(size, 128)).astype("float32")
    y = [rng.normal(size=(size, 1)).astype("float32") for _ in range(num_tasks)]
    return x, y


def torchjd_steps(arguments, num_tasks):
    """The peer's step and a plain one on the same network, if it is there."""
    try:
        from torchjd import mtl_backward
        from torchjd.aggregation import MGDA
    except ImportError:
        return {}
    import torch
    from torch import nn

    sizes = [128] + [arguments.width] * 4
    layers = [
        part
        for a, b in itertools.pairwise(sizes)
        for part in (nn.Linear(a, b), nn.ReLU())
    ]
    trunk = nn.Sequential(*layers)
    heads = nn.ModuleList(
        nn.Sequential(nn.Linear(sizes[-1], 64), nn.ReLU(), nn.Linear(64, 1))
        for _ in range(num_tasks)
    )
    optimizer = torch.optim.Adam([*trunk.parameters(), *heads.parameters()])
    x, y = batch(arguments.batch, num_tasks)
    x, y = torch.tensor(x), [torch.tensor(each) for each in y]

    def step(by_tasks):
        optimizer.zero_grad()
        h = trunk(x)
        losses = [
            nn.functional.mse_loss(head(h), each)
            for head, each in zip(heads, y, strict=True)
        ]
        if by_tasks:
            mtl_backward(losses=losses, features=h, aggregator=MGDA())
        else:
            sum(losses).backward()
        optimizer.step()

    return {"torch": lambda: step(False), "torchjd": lambda: step(True)}


def measure(arguments, num_tasks):
    """Rows for one number of tasks."""
    import keras

    x, y = batch(arguments.batch, num_tasks)
    models = {v: make(v, num_tasks, arguments.width) for v in VARIANTS}
    steps = {
        name: lambda model=model: model.train_on_batch(x, y)
        for name, model in models.items()
    }
    if keras.config.backend() == "torch":
        steps.update(torchjd_steps(arguments, num_tasks))
    for step in steps.values():
        step()
        step()
    times = {name: [] for name in steps}
    for _ in range(arguments.repeats):
        for name, step in steps.items():
            started = time.process_time(), time.perf_counter()
            step()
            spent = time.process_time() - started[0]
            times[name].append((spent, time.perf_counter() - started[1]))
    return [
        {
            "tasks": num_tasks,
            "variant": name,
            "cpu_seconds": statistics.median(t for t, _ in times[name]),
            "seconds": statistics.median(t for _, t in times[name]),
        }
        for name in steps
    ]


def rows_of(backend, argv):
    """Run the measurements of one backend in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.multi_task", "--worker", *argv]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    lines = [x for x in done.stdout.splitlines() if x.startswith("{")]
    return [{"backend": backend, **json.loads(line)} for line in lines]


def show(rows):
    """Print the table: the ratio to the plain step of the same framework."""
    from benchmarks._report import print_table

    found = {(r["tasks"], r["variant"]): r for r in rows}
    table = []
    for (tasks, variant), row in found.items():
        base = "torch" if variant.startswith("torch") else "plain"
        ratios = [
            f"{row[key] / found[tasks, base][key]:.2f}"
            for key in ("cpu_seconds", "seconds")
        ]
        name = f"{row['backend']}, {tasks} tasks, {variant}"
        table.append([name, f"{1e3 * row['cpu_seconds']:.1f}", *ratios])
    print_table(["step", "CPU ms", "/ plain", "wall / plain"], table)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--backends", nargs="+", default=["jax", "tensorflow", "torch"]
    )
    parser.add_argument("--tasks", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        for num_tasks in arguments.tasks:
            for row in measure(arguments, num_tasks):
                print(json.dumps(row), flush=True)
        return
    argv = [f"--batch={arguments.batch}", f"--width={arguments.width}"]
    argv += [f"--repeats={arguments.repeats}"]
    argv += ["--tasks", *map(str, arguments.tasks)]
    rows = []
    for backend in arguments.backends:
        found = rows_of(backend, argv)
        show(found)
        rows += found
        print(flush=True)
    from benchmarks._report import keep

    print(f"kept in {keep('multi_task', rows)}")


if __name__ == "__main__":
    main()
