"""How often a direction is uphill for a task, by all shared weights.

The post behind the layer shows that its bound proves less than was said: that
no task is at odds with the aggregate of the gradients by the *features* does
not mean that none is at odds with it by the weights. Here that is counted, at
steps along the training of one network, on PyTorch.
"""

import keras
import numpy as np

from examples.multi_task_strategies import Entropy
from keras_tricks import multitask

METHODS = ("mgda", "upgrad")


def tasks_of(labels, count):
    """Classes of two digits, and of what follows from them."""
    a, b = labels["left"], labels["right"]
    tasks = {
        "left": (a, 10),
        "right": (b, 10),
        "sum": (a + b, 19),
        "difference": (a - b + 9, 19),
        "left even": (a % 2, 2),
        "right even": (b % 2, 2),
        "left larger": ((a > b).astype("int64"), 2),
        "sum above nine": ((a + b > 9).astype("int64"), 2),
    }
    return list(tasks.values())[:count]


class Network:
    """A shared part and heads, whose gradients are taken by hand."""

    def __init__(self, shape, tasks, seed):
        keras.utils.set_random_seed(seed)
        dense = keras.layers.Dense
        self.trunk = keras.Sequential(
            [
                keras.Input(shape),
                keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
                keras.layers.Flatten(),
                dense(64, "relu"),
                dense(64, "relu"),
            ]
        )
        self.heads = [
            keras.Sequential([keras.Input((64,)), dense(32, "relu"), dense(n)])
            for _, n in tasks
        ]
        self.variables = [
            variable
            for part in (self.trunk, *self.heads)
            for variable in part.trainable_variables
        ]
        self.optimizer = keras.optimizers.Adam(3e-3)
        self.optimizer.build(self.variables)

    def losses(self, x, labels):
        h = self.trunk(x)
        pairs = zip(labels, self.heads, strict=True)
        return h, [Entropy()(y, head(h)) for y, head in pairs]

    def gradients(self, x, labels):
        """The tasks' gradients by the features, and by all shared weights."""
        import torch

        h, losses = self.losses(x, labels)
        weights = [v.value for v in self.trunk.trainable_variables]
        by_h = [torch.autograd.grad(v, h, retain_graph=True)[0] for v in losses]
        by_weights = [
            torch.cat(
                [
                    g.reshape(-1)
                    for g in torch.autograd.grad(
                        h, weights, u, retain_graph=True
                    )
                ]
            )
            for u in by_h
        ]
        return torch.stack(by_h), torch.stack(by_weights)

    def step(self, x, labels):
        """One step on the sum of the losses."""
        import torch

        _, losses = self.losses(x, labels)
        values = [v.value for v in self.variables]
        gradients = torch.autograd.grad(sum(losses), values)
        with torch.no_grad():
            self.optimizer.apply(gradients, self.variables)


def directions(by_h, by_weights):
    """Weights of the tasks by the name of a direction."""
    flat = by_h.reshape(len(by_h), -1)
    summed = by_h.sum(dim=1)
    grams = {
        "features": flat @ flat.T,
        "features summed over the batch": summed @ summed.T,
        "exact": by_weights @ by_weights.T,
    }
    found = {
        f"{method}, {name}": multitask.get(method)(gram)
        for method in METHODS
        for name, gram in grams.items()
    }
    return {"plain sum": multitask.get("mean")(grams["exact"]), **found}


def conflicts(data, num_tasks, seed, steps, every, batch_size=100):
    """For each direction: % of steps with a conflict, cosine with exact MGDA.

    A task conflicts where the cosine of its gradient with the direction is
    below −1e-4.
    """
    x, labels = data.train
    tasks = tasks_of(labels, num_tasks)
    network = Network(x.shape[1:], tasks, seed)
    rng = np.random.default_rng(seed)
    found = {}
    for step in range(steps):
        rows = rng.integers(0, len(x), batch_size)
        batch = x[rows], [y[rows] for y, _ in tasks]
        if step % every == 0:
            by_h, g = network.gradients(*batch)
            weights = directions(by_h, g)
            unit = g / g.norm(dim=1, keepdim=True)
            best = weights["mgda, exact"] @ g
            for name, w in weights.items():
                u = w @ g
                least = float((unit @ u).min() / u.norm())
                near = float(u @ best / u.norm() / best.norm())
                found.setdefault(name, []).append((least, near))
        network.step(*batch)
    return {
        name: (
            100 * float(np.mean([least < -1e-4 for least, _ in pairs])),
            float(np.median([near for _, near in pairs])),
        )
        for name, pairs in found.items()
    }
