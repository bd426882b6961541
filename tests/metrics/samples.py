"""Samples of an epoch, and models that give their inputs as scores."""

import keras

from tests.checks.metrics import numbers


def collect(metric, label, score, weight=None, batch_size=5):
    """The metric's numbers after updates with batches of these samples."""
    for start in range(0, len(label), batch_size):
        rows = slice(start, start + batch_size)
        part = None if weight is None else weight[rows]
        metric.update_state(label[rows], score[rows], part)
    return numbers(metric.result())


def identity_model(**compiled):
    x = keras.Input((1,))
    model = keras.Model(x, keras.layers.Identity()(x))
    model.compile("sgd", "mse", **compiled)
    return model
