"""Several tasks: what a step costs, what is learnt, and who is at odds.

    python -m benchmarks.multi_task [--backends jax torch] [--tables steps]

`steps`: time of a training step of a network of dense layers, shared but for a
head of two layers for each task, over that of the plain sum of the losses. The
layer is `GradientAggregation`, `full` is `MultiTaskModel` with the gradients by
all shared weights; JAX and TensorFlow run compiled. On PyTorch the same network
is trained without Keras too, alone and by its libraries, each over the bare
plain sum: TorchJD's `mtl_backward`, LibMTL's MGDA and pytorch_optimizer's
PCGrad (which projects the gradients by the heads' weights too), where they are
installed. Variants take turns, and figures are medians.

`digits`: both digits of pictures with two of them, by loss weighting, and by a
few aggregators; once with losses in one unit, once with the first loss times
100. On one backend, JAX if it is not said.

`conflicts`: how often the direction that comes of the gradients by the features
is uphill for a task, by its gradient by all shared weights; on PyTorch.
"""

import argparse
import json

STEPS = "Time of a training step with several tasks"
DIGITS = "Two digits in a picture, accuracy"
CONFLICTS = "Steps at which a direction is uphill for a task"
STRATEGIES = (
    "single task",
    "equal weights",
    "prior",
    "initial",
    "dynamic",
    "geometric",
    "uncertainty",
    "dwa",
    "random",
    "famo",
    "normalized_sum",
    "mgda",
    "upgrad",
    "nash_mtl",
)


def steps(arguments):
    """Rows of the time of steps on this process's backend."""
    import keras

    from benchmarks import _task_peers as others
    from benchmarks import _task_steps as parts

    for num_tasks in arguments.tasks:
        sizes = num_tasks, arguments.batch, arguments.width
        made, missing = parts.steps_of(*sizes), {}
        if keras.config.backend() == "torch":
            peers, missing = others.peer_steps(*sizes)
            made.update(peers)
        taken = parts.medians(made, arguments.repeats)
        for name, times in taken.items():
            ours = name in parts.VARIANTS
            plain = taken[parts.PLAIN if ours else others.PLAIN_TORCH]
            for column, one in (("wall", 0), ("processor", 1)):
                yield _row(
                    STEPS,
                    f"{num_tasks} tasks: {name}",
                    column,
                    1e3 * times[one],
                    "ms",
                    peer="the plain sum",
                    ratio=times[one] / plain[one],
                    batch=arguments.batch,
                    width=arguments.width,
                )
        for name, reason in missing.items():
            row = f"{num_tasks} tasks: {name}"
            yield _row(STEPS, row, "wall", None, "ms", note=reason)


def _row(*cell, **more):
    from benchmarks._report import figure

    return figure(*cell, **more)


def digits(arguments):
    """Rows of accuracy by strategy and seed."""
    from examples.corpora.two_tasks import load_tasks
    from examples.multi_task_strategies import run
    from examples.multi_task_strategies import strategies
    from examples.show_tasks import improvement

    tasks = load_tasks("digits", arguments.limit)
    of_epoch = len(tasks.train[0]) // arguments.batch
    made = {s.name: s for s in strategies(tasks.train[1], of_epoch)}
    for factor in arguments.factors:
        arguments.factor = factor
        single = run(made["single task"], tasks, arguments)
        for name in arguments.strategies:
            columns = single.accuracy
            if name != "single task":
                result = run(made[name], tasks, arguments)
                gain = improvement(result, single)
                columns = {**result.accuracy, "over single task": gain}
            for column, values in columns.items():
                for seed, value in enumerate(values):
                    yield _row(
                        f"{DIGITS}, the first loss times {factor:g}",
                        name,
                        column,
                        float(value),
                        "points" if column in tasks.classes else "%",
                        seed=seed,
                        epochs=arguments.epochs,
                    )


def conflicts(arguments):
    """Rows of how often a direction is uphill for a task."""
    from benchmarks._task_conflicts import conflicts as count
    from examples.corpora.two_tasks import load_tasks

    data = load_tasks("digits", arguments.limit)
    for num_tasks in arguments.tasks:
        for seed in range(arguments.seeds):
            found = count(
                data, num_tasks, seed, arguments.steps, arguments.every
            )
            for name, (share, cosine) in found.items():
                cell = CONFLICTS, f"{num_tasks} tasks: {name}"
                settings = {"seed": seed, "steps": arguments.steps}
                yield _row(*cell, "steps", share, "%", **settings)
                yield _row(*cell, "cosine with exact MGDA", cosine, **settings)


TABLES = {"steps": steps, "digits": digits, "conflicts": conflicts}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--backends", nargs="+", default=["jax", "tensorflow", "torch"]
    )
    parser.add_argument("--tables", nargs="+", default=list(TABLES))
    parser.add_argument("--tasks", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=41)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--limit", type=int, default=3000)
    parser.add_argument("--factors", type=float, nargs="+", default=[1, 100])
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES))
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--every", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.tasks, arguments.repeats = [2], 3
        arguments.batch, arguments.width = 32, 64
        arguments.seeds, arguments.epochs, arguments.limit = 2, 1, 400
        arguments.strategies = ["equal weights", "dynamic", "mgda"]
        arguments.steps = 12
    if arguments.job:
        for row in TABLES[arguments.job](arguments):
            print(json.dumps(row), flush=True)
        return
    from benchmarks._processes import lines_of
    from benchmarks._report import keep
    from benchmarks._tables import show

    rows = []
    for table in arguments.tables:
        backends = {"digits": arguments.backends[:1], "conflicts": ["torch"]}
        for backend in backends.get(table, arguments.backends):
            rows += lines_of("multi_task", backend, "--job", table)
    show(rows)
    print(f"kept in {keep('multi_task', rows)}")


if __name__ == "__main__":
    main()
