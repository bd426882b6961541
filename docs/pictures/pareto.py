"""Draw where aggregators take two conflicting losses, from four starts."""

import keras
import numpy as np

from _style import pyplot
from _style import save
from keras_tricks import multitask

METHODS = ["mean", "mgda", "pcgrad", "cagrad", "nash_mtl", "upgrad"]
STARTS = [(-2.2, 1.2), (0.0, 2.0), (2.0, 1.4), (1.6, -1.2)]
A, B = np.array([-1.0, 0.0]), np.array([1.0, 0.0])
# The second loss is in another unit: its gradients are ten times as long.
SCALE = 10.0


def losses(x):
    """Two valleys, at A and at B; both are best on the line between them."""
    da, db = x - A, x - B
    return np.array(
        [np.log1p((da**2).sum(-1)), SCALE * np.log1p((db**2).sum(-1))]
    )


def gradients(x):
    da, db = x - A, x - B
    return np.array([2 * da / (1 + da @ da), SCALE * 2 * db / (1 + db @ db)])


def walk(aggregator, start, steps=250):
    """Points and weights of Adam on the aggregated gradient."""
    x = keras.Variable(np.array(start, "float32"))
    optimizer = keras.optimizers.Adam(0.03)
    path, weights = [np.array(start)], []
    for _ in range(steps):
        g = gradients(path[-1]).astype("float32")
        w = keras.ops.convert_to_numpy(aggregator(g @ g.T))
        optimizer.apply([keras.ops.convert_to_tensor(w @ g)], [x])
        path.append(keras.ops.convert_to_numpy(x).copy())
        weights.append(w)
    return np.array(path), np.array(weights)


def main():
    front = np.linspace(A, B, 100)
    figure, axes = pyplot.subplots(
        2, 3, figsize=(10, 6), sharex=True, sharey=True
    )
    for axis, name in zip(axes.flat, METHODS, strict=True):
        axis.plot(*losses(front), color="0.7", lw=5, solid_capstyle="round")
        aggregator = multitask.get(name)
        for start, colour in zip(STARTS, ("C0", "C1", "C2", "C3"), strict=True):
            path, _ = walk(aggregator, start)
            first, second = losses(path)
            axis.plot(first, second, color=colour, lw=1.2)
            axis.plot(first[0], second[0], "o", color=colour, ms=4, mfc="w")
            axis.plot(first[-1], second[-1], "o", color=colour, ms=6)
        axis.set_title(name)
    for axis in axes[-1]:
        axis.set_xlabel("loss of task A")
    for axis in axes[:, 0]:
        axis.set_ylabel("loss of task B")
    figure.tight_layout()
    save(figure, "pareto")


if __name__ == "__main__":
    main()
