"""Training steps of one network with several tasks."""

import statistics
import time

import keras
import numpy as np

from keras_tricks.layers import GradientAggregation
from keras_tricks.models import MultiTaskModel

PLAIN = "plain sum"
# Name: where the gradients meet, and by what.
VARIANTS = {
    PLAIN: (None, None),
    "layer, MGDA": ("layer", "mgda"),
    "layer, UPGrad": ("layer", "upgrad"),
    "full, MGDA": ("full", "mgda"),
    "full, UPGrad": ("full", "upgrad"),
    "full, PCGrad": ("full", "pcgrad"),
}


def steps_of(num_tasks, batch_size, width):
    """Functions by name, each a training step on the same batch."""
    x, y = batch(batch_size, num_tasks)
    steps = {}
    for name, (where, method) in VARIANTS.items():
        model = network(where, method, num_tasks, width)
        steps[name] = lambda model=model: model.train_on_batch(x, y)
    return steps


def network(where, method, num_tasks, width):
    """Four dense layers, shared, and a head of two for each task."""
    keras.utils.set_random_seed(0)
    x = h = keras.Input((128,))
    for _ in range(4):
        h = keras.layers.Dense(width, "relu")(h)
    copies = [h] * num_tasks
    if where == "layer":
        copies = GradientAggregation(num_tasks, method)(h)
    outputs = [
        keras.layers.Dense(1)(keras.layers.Dense(64, "relu")(copy))
        for copy in copies
    ]
    full = where == "full"
    model = (MultiTaskModel if full else keras.Model)(x, outputs)
    model.compile(
        "adam",
        ["mse"] * num_tasks,
        jit_compile=keras.config.backend() != "torch",
        **({"aggregator": method} if full else {}),
    )
    return model


def batch(size, num_tasks):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(size, 128)).astype("float32")
    y = [rng.normal(size=(size, 1)).astype("float32") for _ in range(num_tasks)]
    return x, y


def medians(steps, repeats):
    """Seconds and processor seconds of each; they take turns."""
    for step in steps.values():
        step()
        step()
    times = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            started = time.perf_counter(), time.process_time()
            step()
            ended = time.perf_counter(), time.process_time()
            pairs = zip(started, ended, strict=True)
            times[name].append([b - a for a, b in pairs])
    return {
        name: [statistics.median(column) for column in zip(*each, strict=True)]
        for name, each in times.items()
    }
