"""Train one network on two tasks, in every way, beside a network for each.

Without arguments: pictures in which two of scikit-learn's digits overlap; one
task reads the left digit, the other the right one. Networks for single tasks,
equal weights, each loss weighting, each aggregator of gradients as a layer
behind the shared layers, and some of them with the exact gradients by all
shared weights are trained from the same seeds; the table says what each task
gained over a network of its own, and what a step costs. (`primary_auxiliary`
trains the first task, and takes care that the second gets no worse.)

    python examples/multi_task.py
    python examples/multi_task.py --data mnist:FOLDER --epochs 10
    python examples/multi_task.py --data adult:FOLDER
    python examples/multi_task.py --factor 100 --only equal geometric nash_mtl

Two pictures: the weights that aggregators found, epoch by epoch; and a
landscape of two losses, with the way that each aggregator takes over it.

`KERAS_BACKEND` chooses tensorflow, jax or torch.
"""

import argparse
from pathlib import Path

import keras

import toy_landscape
from corpora.two_tasks import load_tasks
from keras_tricks import multitask
from multi_task_strategies import run
from multi_task_strategies import strategies
from show_tasks import draw_weights
from show_tasks import print_head
from show_tasks import print_row


def compare(tasks, chosen, arguments):
    """Run strategies, print a line for each; their results by name."""
    found, single = {}, None
    print_head(tasks.classes)
    for strategy in chosen:
        result = run(strategy, tasks, arguments)
        if strategy.where == "single":
            single = result
        print_row(strategy, result, single)
        found[strategy.name] = result
    return found


def landscape(aggregators, steps, path):
    """Draw the ways of aggregators over the two losses."""
    ways = {}
    for name, aggregator in aggregators.items():
        weights = toy_landscape.compiled(multitask.get(aggregator))
        ways[name] = [
            toy_landscape.trajectory(weights, start, steps)
            for start in toy_landscape.STARTS
        ]
    toy_landscape.draw(ways, path)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--data",
        default="digits",
        help="digits, mnist:FOLDER or adult:FOLDER, with the original files",
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--limit", type=int, help="samples to train on")
    parser.add_argument(
        "--factor", type=float, default=1.0, help="unit of the first loss"
    )
    parser.add_argument(
        "--only", nargs="+", default=[""], help="how strategies' names begin"
    )
    parser.add_argument(
        "--landscape-steps", type=int, default=1200, help="0: not drawn"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("outputs/multi_task")
    )
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)

    print(f"Backend: {keras.config.backend()}. Reading {arguments.data} …")
    tasks = load_tasks(arguments.data, arguments.limit)
    x, y = tasks.train
    print(
        f"{tasks.note}: {len(x)} to train on, {len(tasks.test[0])} to test; "
        f"{arguments.seeds} seeds"
    )
    steps = len(x) // arguments.batch
    chosen = [
        strategy
        for strategy in strategies(y, steps)
        if strategy.name.startswith(tuple(arguments.only))
    ]
    found = compare(tasks, chosen, arguments)
    path = arguments.output / "task_weights.png"
    if draw_weights(found, tasks.classes, steps, path):
        print(f"\nDrawn in {path}")
    layers = {s.name: s.method for s in chosen if s.where == "layer"}
    if layers and arguments.landscape_steps:
        path = arguments.output / "landscape.png"
        landscape(layers, arguments.landscape_steps, path)
        print(f"Drawn in {path}")


if __name__ == "__main__":
    main()
