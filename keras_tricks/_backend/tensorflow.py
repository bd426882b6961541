"""TensorFlow's part of `keras_tricks._backend`."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

Tensor = Any


def dense(tensor: Tensor) -> Tensor:
    """The tensor itself, or the sum of `IndexedSlices` row by row.

    `keras.ops` takes the values of equal rows one by one, which is wrong under
    any function that is not linear.
    """
    return tf.convert_to_tensor(tensor)


def add_in_place(variable: Any, value: Tensor) -> None:
    """Add to a variable, without a copy of it where tensors can change."""
    variable.assign_add(value)


def zero_in_place(variable: Any) -> Tensor:
    """Set a variable to zero; its tensor, the same where tensors can change."""
    variable.assign(keras.ops.zeros(variable.shape, variable.dtype))
    return variable.value


def divide_in_place(
    variable: Any, divisor: Tensor, low: float, high: float
) -> None:
    """Divide a variable, and clip it; without a copy where it can change."""
    # Clipped before it is divided: XLA writes a quotient out once, and computes
    # what is cheaper again in each loop that reads it.
    x = keras.ops.clip(variable, low * divisor, high * divisor)
    variable.assign(x / divisor)


def value_now(variable: Any) -> np.ndarray:
    """The variable's value as float64, even while a step is traced."""
    with tf.init_scope():
        return tf.cast(variable.value, "float64").numpy()
