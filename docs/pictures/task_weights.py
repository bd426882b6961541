"""Draw the weights that methods give to two losses of different units.

Needs KERAS_BACKEND=torch, whose gradients it takes.
"""

import keras
import numpy as np
import torch

from _style import pyplot
from _style import save
from keras_tricks import multitask

STEPS = 300
METHODS = {
    "initial": multitask.InitialLosses(num_steps=5),
    "geometric": multitask.GeneralizedMean(0.0),
    "uncertainty": multitask.Uncertainty(),
    "dynamic average": multitask.DynamicWeightAverage(period=30),
    "famo": multitask.FAMO(),
}


def losses():
    """A loss near 1 that falls fast, and one near 50 that falls slowly."""
    rng = np.random.default_rng(0)
    step = np.arange(STEPS)
    fast = 0.05 + np.exp(-step / 40)
    slow = 10 + 40 * np.exp(-step / 250)
    both = np.stack([fast, slow], 1)
    return (both * np.exp(0.08 * rng.normal(size=both.shape))).astype("float32")


def shares(weighting, values):
    """The share of the fast loss, weight times loss, at every step."""
    if not weighting.built:
        weighting.build((2,))
    trained = [v.value for v in weighting.trainable_variables]
    optimizer = torch.optim.Adam(trained, 0.02) if trained else None
    found = []
    for value in values:
        loss = torch.tensor(value, requires_grad=True)
        total = weighting(loss, training=True)
        if optimizer:
            optimizer.zero_grad()
        total.backward()
        if optimizer:
            optimizer.step()
        part = loss.grad.detach().numpy() * value
        found.append(part[0] / part.sum())
    return found


def main():
    keras.utils.set_random_seed(0)
    values = losses()
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 3.7))
    axes[0].semilogy(values[:, 0], color="C0", lw=1, label="task A")
    axes[0].semilogy(values[:, 1], color="C1", lw=1, label="task B")
    axes[0].set_title("the losses")
    axes[0].legend(loc="center right")
    plain = values[:, 0] / values.sum(1)
    axes[1].plot(plain, "k:", label="plain sum")
    for name, weighting in METHODS.items():
        share = shares(weighting, values)
        axes[1].plot(share, label=name, lw=1.2)
        print(name, np.round(share[:: STEPS // 5], 3))
    axes[1].set_title("share of task A in the weighted sum")
    axes[1].set_ylim(0, 1)
    axes[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    for axis in axes:
        axis.set_xlabel("step")
    figure.tight_layout()
    save(figure, "task_weights")


if __name__ == "__main__":
    main()
