"""Draw what a task-free mask does to Adam's steps, on gradient or update."""

import functools

import keras
import numpy as np

from _style import pyplot
from _style import save
from keras_tricks.optimizers import ChildTuning

SIZE, STEPS = 4000, 400


def steps(make, signal=0.3):
    """Mean and spread of the steps of many weights with noisy gradients."""
    rng = np.random.default_rng(0)
    weights = keras.Variable(np.zeros(SIZE, "float32"))
    optimizer = make(keras.optimizers.Adam(1e-3))
    moved = []
    for step in range(STEPS):
        gradient = rng.normal(signal, 1.0, SIZE).astype("float32")
        before = keras.ops.convert_to_numpy(weights).copy()
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [weights])
        if step >= STEPS // 2:
            moved.append(before - keras.ops.convert_to_numpy(weights))
    moved = np.array(moved)
    return moved.mean(), moved.std()


def main():
    plain = np.array(steps(lambda inner: inner))
    shares = np.array([0.1, 0.2, 0.3, 0.5, 0.7, 1.0])
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6))
    for place, colour in (("gradient", "C0"), ("update", "C1")):
        ratios = []
        for p in shares:
            make = functools.partial(
                ChildTuning, reserve_p=p, apply_to=place, seed=0
            )
            ratios.append(np.array(steps(make)) / plain)
        ratios = np.array(ratios)
        print(place, ratios.round(3).tolist())
        for axis, ratio in zip(axes, ratios.T, strict=True):
            label = f'apply_to="{place}"'
            axis.plot(shares, ratio, "o-", color=colour, label=label)
    axes[0].plot(shares, np.sqrt(shares), "k:", label="√p")
    axes[0].set_title("mean step, over plain Adam's")
    axes[1].set_title("spread of the steps, over plain Adam's")
    for axis in axes:
        axis.set_xlabel("reserve_p")
        axis.set_ylim(bottom=0)
    axes[0].legend()
    figure.tight_layout()
    save(figure, "child_tuning")


if __name__ == "__main__":
    main()
