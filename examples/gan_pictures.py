"""Samples of several GANs side by side, and how their distances fell."""

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot

ROWS, COLUMNS = 6, 8


def panel(samples):
    """Images `(number, side, side, channels)` as one, with lines between."""
    samples = np.clip(samples[: ROWS * COLUMNS] / 2 + 0.5, 0, 1)
    side, channels = samples.shape[1], samples.shape[-1]
    # Small images are drawn larger, pixel by pixel.
    factor = max(1, 24 // side)
    samples = samples.repeat(factor, axis=1).repeat(factor, axis=2)
    gap = ((0, 0), (1, 1), (1, 1), (0, 0))
    samples = np.pad(samples, gap, constant_values=0.4)
    side = side * factor + 2
    grid = samples.reshape(ROWS, COLUMNS, side, side, channels)
    grid = grid.transpose(0, 2, 1, 3, 4)
    grid = grid.reshape(ROWS * side, COLUMNS * side, channels)
    return grid if channels == 3 else grid[..., 0]


def draw_samples(panels, path):
    """Draw `{title: images}` into one file."""
    rows = -(-len(panels) // 4)
    figure, axes = pyplot.subplots(
        rows, 4, figsize=(13, 2.8 * rows), layout="compressed", squeeze=False
    )
    for axis in axes.flat:
        axis.axis("off")
    for axis, (title, samples) in zip(axes.flat, panels.items(), strict=False):
        axis.imshow(panel(samples), cmap="gray", vmin=0, vmax=1)
        axis.set_title(title)
    save(figure, path)


def draw_curves(curves, path):
    """Draw `{label: (steps, values of each seed)}`, means within ranges."""
    figure, axis = pyplot.subplots(figsize=(7, 4.5), layout="compressed")
    for label, (steps, values) in curves.items():
        values = np.asarray(values)
        (line,) = axis.plot(steps, values.mean(0), label=label)
        low, high = values.min(0), values.max(0)
        axis.fill_between(steps, low, high, color=line.get_color(), alpha=0.15)
    axis.set(xlabel="step", ylabel="Fréchet distance", yscale="log")
    axis.legend()
    save(figure, path)


def save(figure, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
