"""Variables and gradients as TensorFlow stores them."""

from typing import Any

import numpy as np
import tensorflow as tf

Tensor = Any


def dense(tensor: Tensor) -> Tensor:
    """The tensor itself, or the sum of `IndexedSlices` row by row.

    `keras.ops` takes the values of equal rows one by one, which is wrong under
    any function that is not linear.
    """
    return tf.convert_to_tensor(tensor)


def value_now(variable: Any) -> np.ndarray | None:
    """The variable's value as float64, even while a step is traced.

    None for a variable that this trace makes: it has no value before the step.
    """
    with tf.init_scope():
        if not variable.value.is_initialized():
            return None
        return tf.cast(variable.value, "float64").numpy()
