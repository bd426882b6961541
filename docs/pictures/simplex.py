"""Draw the way of `ExponentiatedGradient` to a portfolio of three shares."""

import keras
import numpy as np

from _style import pyplot
from _style import save
from keras_tricks.optimizers import ExponentiatedGradient

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.866]])
NAMES = ["bonds", "stocks", "gold"]
COVARIANCE = np.array([[0.2, 0.05, 0.0], [0.05, 1.0, 0.3], [0.0, 0.3, 0.6]])


def walk(start, steps=60):
    """Shares after each step towards the least variance."""
    shares = keras.Variable(np.array(start, "float32"))
    optimizer = ExponentiatedGradient(0.6, constraint="simplex")
    path = [start]
    for _ in range(steps):
        w = keras.ops.convert_to_numpy(shares)
        gradient = (2 * COVARIANCE @ w).astype("float32")
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [shares])
        path.append(keras.ops.convert_to_numpy(shares).copy())
    return np.array(path)


def main():
    grid = np.stack(
        np.meshgrid(np.linspace(0, 1, 200), np.linspace(0, 1, 200)), -1
    ).reshape(-1, 2)
    grid = np.concatenate([grid, 1 - grid.sum(1, keepdims=True)], axis=1)
    grid = grid[grid[:, 2] >= 0]
    variance = np.einsum("ni,ij,nj->n", grid, COVARIANCE, grid)

    figure, axis = pyplot.subplots(figsize=(5.6, 4.4))
    x, y = (grid @ CORNERS).T
    shades = axis.tricontourf(x, y, variance, 14, cmap="Blues_r")
    starts = [(0.02, 0.96, 0.02), (0.02, 0.02, 0.96), (1 / 3, 1 / 3, 1 / 3)]
    for start, colour in zip(starts, ("C1", "C3", "k"), strict=True):
        path = walk(start)
        axis.plot(*(path @ CORNERS).T, ".-", color=colour, lw=1, ms=4)
    print("end", path[-1].round(3), "sum", path[-1].sum())
    axis.plot(*(path[-1] @ CORNERS), "*", color="gold", mec="k", ms=15)
    for corner, name in zip(CORNERS, NAMES, strict=True):
        below = corner[1] == 0
        axis.annotate(
            f"all {name}",
            corner,
            (0, -14 if below else 6),
            textcoords="offset points",
            ha="center",
        )
    figure.colorbar(shades, ax=axis, label="variance", shrink=0.8)
    axis.set_aspect("equal")
    axis.axis("off")
    save(figure, "simplex")


if __name__ == "__main__":
    main()
