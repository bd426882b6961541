"""Variables and gradients as JAX stores them."""

from typing import Any

import jax
import keras
import numpy as np

Tensor = Any


def dense(tensor: Tensor) -> Tensor:
    """The tensor itself: gradients are always dense."""
    return tensor


def value_now(variable: Any) -> np.ndarray | None:
    """The variable's value as float64, or None if a trace hands it in."""
    if isinstance(variable.value, jax.core.Tracer):
        return None
    return np.asarray(keras.ops.convert_to_numpy(variable), "float64")
