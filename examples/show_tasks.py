"""A table of strategies, and a picture of the weights that they found."""

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot


def print_head(classes):
    columns = "".join(f"{task:>16}" for task in classes)
    print(f"\n{'':24}{columns}{'over single':>16}{'a step':>12}")


def print_row(strategy, result, single):
    """Accuracy by task, the mean gain over single tasks, time of a step."""
    of_tasks = "".join(
        f"{pm(values):>16}" for values in result.accuracy.values()
    )
    gain = pm(improvement(result, single), sign="+") if single else ""
    name = f"{strategy.name} ({strategy.where})"
    milliseconds = 1e3 * result.seconds
    print(
        f"{name:24}{of_tasks}{gain:>16}{milliseconds:9.1f} ms",
        flush=True,
    )


def pm(values, sign=""):
    """Mean and deviation."""
    return f"{np.mean(values):{sign}.1f} ± {np.std(values):.1f}"


def improvement(result, single):
    """By how many percent it is better, in the mean over the tasks.

    ```
    Δ = 100/T · Σ_i (M_i − S_i) / S_i
    ```

    `M_i` a seed's accuracy in task `i`, `S_i` that of the task alone.
    """
    alone = {k: np.mean(v) for k, v in single.accuracy.items()}
    gains = [
        100 * (np.array(values) / alone[task] - 1)
        for task, values in result.accuracy.items()
    ]
    return np.mean(gains, axis=0)


def draw_weights(results, tasks, steps, path):
    """A panel for each aggregator: the tasks' shares, epoch by epoch.

    Says whether there was anything to draw.
    """
    found = {k: r.weights for k, r in results.items() if r.weights}
    if not found:
        return False
    columns = 4
    rows = -(-len(found) // columns)
    figure, axes = pyplot.subplots(
        rows,
        columns,
        figsize=(3 * columns, 2.2 * rows),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axis in axes.ravel()[len(found) :]:
        axis.set_axis_off()
    for axis, (name, weights) in zip(axes.ravel(), found.items(), strict=False):
        shares = np.array([by_epoch(each, steps) for each in weights])
        epochs = np.arange(1, shares.shape[1] + 1)
        for number, task in enumerate(tasks):
            of_task = shares[..., number]
            axis.plot(epochs, of_task.mean(axis=0), label=task)
            low, high = of_task.min(axis=0), of_task.max(axis=0)
            axis.fill_between(epochs, low, high, alpha=0.25, linewidth=0)
        axis.set_title(name, fontsize=10)
        axis.grid(alpha=0.3)
    axes[0][0].legend(fontsize=8)
    figure.supylabel("share of the weights (band: seeds)", fontsize=10)
    figure.supxlabel("epoch", fontsize=10)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
    return True


def by_epoch(weights, steps):
    """The tasks' shares of the sum of weights, means over each epoch."""
    shares = weights / weights.sum(axis=1, keepdims=True)
    return shares.reshape(-1, steps, weights.shape[1]).mean(axis=1)
