"""What it costs to hold a GAN's critic, and what it brings.

`steps`: a whole training step of `GAN`, critic and generator, on 32 × 32 × 3
images, batch 64, four convolutions with leaky ReLU in the critic, held by

- nothing, or Keras' `SpectralNormalization` in every layer;
- `GradientPenalty` on lines between real and generated images;
- `WeightClipping`;
- `GradientNormalization`, gn and gran;
- gn as the published PyTorch code does it (PyTorch alone).

JAX and TensorFlow compile with XLA, PyTorch runs eagerly. In passes of one
batch through the critic a step takes 8 with nothing and 12 with the penalty;
forward, input gradient and the backward pass of both take 14 with gn. It takes
10 on TensorFlow and 12 elsewhere, since each linear piece is differentiated
once. Methods take turns in one process with one thread; medians. Memory is the
peak of the resident set of a process of its own that takes three steps,
compiler and library included (Linux).

`distances`: the Fréchet distance to the digits of scikit-learn, on features of
a small classifier, after the same steps, and after the time that they take with
nothing.

`derivatives`: ‖∇f‖ of nets with each layer, differentiated again, against
differences in float64.

    python -m benchmarks.gan [--parts steps distances derivatives]

Needs scikit-learn for the distances, and the tests' package for derivatives.
"""

import argparse
import json

from benchmarks._processes import lines_of
from benchmarks._report import figure
from benchmarks._report import keep
from benchmarks._tables import show

SHAPE = (32, 32, 3)
STEPS = "A GAN's step, critic and generator, 32 × 32 × 3"
DISTANCES = "Fréchet distance to digits, 8 × 8, lower is better"
DERIVATIVES = "Error of second derivatives through Keras' layers"
ONE_THREAD = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}


def main():
    arguments = parse()
    if arguments.job:
        work(arguments)
        return
    rows = []
    for part in arguments.parts:
        for backend in arguments.backends:
            # Distances depend on the nets, hardly on who computes them.
            if part == "distances" and backend != arguments.backends[0]:
                continue
            rows += PARTS[part](backend)
    show(rows)
    print(f"kept in {keep('gan', rows)}")


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--backends", nargs="+", default=["jax", "tensorflow", "torch"]
    )
    parser.add_argument("--parts", nargs="+", default=list(PARTS))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--steps", type=int, default=1000, help="of distances")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", help="all if not said")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.batch, arguments.width, arguments.repeats = 8, 8, 3
        arguments.steps, arguments.seeds = 40, 1
        arguments.methods = ["none", "penalty", "gn"]
    return arguments


def run(backend, job, **environment):
    """What one job on one backend prints."""
    environment = {**ONE_THREAD, **environment}
    return lines_of("gan", backend, "--job", job, **environment)


def work(arguments):
    """Do a job on this process's backend and print a JSON line a row."""
    from benchmarks import _gan_jobs

    name, _, method = arguments.job.partition(":")
    for row in getattr(_gan_jobs, name)(arguments, method):
        print(json.dumps(row), flush=True)


def step_rows(backend):
    """Time and memory of each method, with ratios to the penalty's."""
    from benchmarks._gradient_step import MEMORY_ENVIRONMENT

    found = {row["method"]: row for row in run(backend, "times")}
    for method in found:
        job = f"memory:{method}"
        found[method].update(*run(backend, job, **MEMORY_ENVIRONMENT))
    for method, row in found.items():
        for column, key, unit in (
            ("CPU time", "cpu", "ms"),
            ("time", "wall", "ms"),
            ("peak memory", "gib", "GiB"),
        ):
            yield figure(
                STEPS,
                method,
                column,
                row[key],
                unit,
                spread=row.get(f"{key}_spread"),
                peer="penalty",
                ratio=row[key] / found["penalty"][key],
                backend=backend,
                threads=1,
            )


def distance_rows(backend):
    """The last distance of each seed, and that after the time of `none`."""
    found = run(backend, "curves")
    times = {r["method"]: r["cpu"] for r in run(backend, "small_times")}
    for row in found:
        points = row["points"]
        # Steps in the time that as many as possible take with nothing.
        reached = points[-1][0] * times["none"] / times[row["method"]]
        near = min(points, key=lambda point: abs(point[0] - reached))
        for column, value in (
            ("equal steps", points[-1][1]),
            ("equal time", near[1]),
        ):
            yield figure(
                DISTANCES,
                row["method"],
                column,
                value,
                seed=row["seed"],
                backend=backend,
                steps=points[-1][0],
            )


def derivative_rows(backend):
    """A row for each layer: right, how far off, or unsupported."""
    for row in run(backend, "derivatives"):
        error = row["error"]
        raised = isinstance(error, str)
        yield figure(
            DERIVATIVES,
            row["layer"],
            "error",
            None if raised else 100 * error,
            "%",
            note=f"none on {backend}: {error}" if raised else None,
            backend=backend,
        )


PARTS = {
    "steps": step_rows,
    "distances": distance_rows,
    "derivatives": derivative_rows,
}

if __name__ == "__main__":
    main()
