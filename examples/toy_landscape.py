"""Two losses of two numbers, between which plain descent gets stuck.

The landscape on which CAGrad and Nash-MTL were shown: far up, two steep narrow
valleys, one for each task; far down, two bowls whose minima are 14 apart. The
best compromises lie on the line between those minima.
"""

import keras
import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot

STARTS = ((-8.5, 7.5), (-8.5, -5.0), (9.0, 9.0))
# The compromises: nothing else is best for some weights of the losses.
COMPROMISES = np.array([[-7.0, 7.0], [-8.3552, -8.3552]])


def losses(point, factor=1.0):
    """Both losses at `(x, y)`, arrays of any shape; the first times `factor`.

    ```
    valley_1 = log max(|(−x − 7)/2 − tanh(−y)|, 5e-6) + 6
    valley_2 = log max(|(−x + 3)/2 − tanh(−y) + 2|, 5e-6) + 6
    bowl_i   = ((x ∓ 7)² + (y + 8)²/10) / 10 − 20
    L_i = max(tanh(y/2), 0) · valley_i + max(tanh(−y/2), 0) · bowl_i
    ```
    """
    x, y = point
    first = np.abs(0.5 * (-x - 7) - np.tanh(-y))
    second = np.abs(0.5 * (-x + 3) - np.tanh(-y) + 2)
    valleys = [np.log(np.maximum(v, 5e-6)) + 6 for v in (first, second)]
    bowls = [((x - c) ** 2 + 0.1 * (y + 8) ** 2) / 10 - 20 for c in (7, -7)]
    up, down = (np.maximum(np.tanh(s * y / 2), 0) for s in (1, -1))
    pairs = zip(valleys, bowls, strict=True)
    values = [up * valley + down * bowl for valley, bowl in pairs]
    return np.stack([factor * values[0], values[1]])


def gradients(point, factor=1.0, width=1e-6):
    """Both gradients, rows of `(2, 2)`, by central differences."""
    columns = [
        losses(point + step, factor) - losses(point - step, factor)
        for step in width * np.eye(2)
    ]
    return np.stack(columns, axis=1) / (2 * width)


def compiled(aggregator):
    """The aggregator as a function of arrays, compiled where one can."""
    backend = keras.config.backend()
    call = aggregator.__call__
    if backend == "jax":
        import jax

        call = jax.jit(call)
    elif backend == "tensorflow":
        import tensorflow as tf

        call = tf.function(call, jit_compile=True)

    def weights(gram):
        return keras.ops.convert_to_numpy(call(gram.astype("float32")))

    return weights


def trajectory(weights, start, steps, rate=0.02, factor=1.0):
    """The points that Adam passes from `start`, `(steps + 1, 2)`."""
    point = np.array(start)
    mean, square = np.zeros((2, 2))
    points = [point]
    for step in range(1, steps + 1):
        g = gradients(point, factor)
        u = weights(g @ g.T) @ g
        mean, square = 0.9 * mean + 0.1 * u, 0.999 * square + 0.001 * u * u
        m, s = mean / (1 - 0.9**step), square / (1 - 0.999**step)
        point = point - rate * m / (np.sqrt(s) + 1e-8)
        points.append(point)
    return np.array(points)


def distance(points):
    """How far the way's end is from the best compromises."""
    (low, high), (level, _) = COMPROMISES
    x, y = points[-1]
    return np.hypot(x - np.clip(x, low, high), y - level)


def draw(ways, path, factor=1.0):
    """A panel for each aggregator: the mean loss, and the ways over it."""
    columns = 4
    rows = -(-len(ways) // columns)
    figure, axes = pyplot.subplots(
        rows,
        columns,
        figsize=(3 * columns, 3 * rows),
        sharex=True,
        sharey=True,
        layout="constrained",
    )
    grid = np.meshgrid(*[np.linspace(-11, 11, 200)] * 2)
    height = losses(np.stack(grid), factor).mean(axis=0)
    for axis in axes.ravel()[len(ways) :]:
        axis.set_axis_off()
    for axis, (name, found) in zip(axes.ravel(), ways.items(), strict=False):
        axis.contour(*grid, height, 18, cmap="Greys_r", linewidths=0.6)
        axis.plot(*COMPROMISES, color="0.6", linewidth=4)
        for number, points in enumerate(found):
            colour = f"C{number}"
            axis.plot(*points.T, color=colour, linewidth=1.4)
            axis.plot(*points[0], "o", color=colour, markersize=5)
            axis.plot(*points[-1], "*", color="black", markersize=8)
        left = np.mean([distance(points) for points in found])
        axis.set_title(f"{name}: {left:.1f} left", fontsize=10)
    figure.supxlabel(
        "Dots: starts. Stars: ends. Grey bar: the best compromises. "
        "In titles: the mean distance that is left to them.",
        fontsize=9,
    )
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
