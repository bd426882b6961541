"""Derivatives by input, which are differentiated again, on TensorFlow."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_tricks._backend.tensorflow.storage import dense

Tensor = Any
PREFERS_SECOND_CALL = False


def input_gradient(
    function: Callable, x: Tensor, layer: Any, differentiable: bool
) -> tuple[Tensor, Tensor]:
    """By a tape, which an outer tape sees through; unused parts are pruned."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        y = function(x)
    gradient = tape.gradient(y, x, unconnected_gradients="zero")
    return y, tf.nest.map_structure(dense, gradient)


def uncompiled(function: Callable) -> Callable:
    """The function itself."""
    return function
