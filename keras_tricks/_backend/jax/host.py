"""What runs outside a compiled function, on JAX."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from keras_tricks._backend import _frechet

Tensor = Any


def frechet_distance(moments: list[Tensor]) -> Tensor:
    """In NumPy, outside the compiled step, where there may be no float64."""
    scalar = jax.ShapeDtypeStruct((), "float32")
    return jax.pure_callback(_frechet.frechet_distance, scalar, *moments)


def call_on_host(
    function: Callable, shape: Sequence[Any], dtype: str, *tensors: Tensor
) -> Tensor:
    """By a callback, which runs when the compiled function does."""
    result = jax.ShapeDtypeStruct(tuple(shape), dtype)
    # In NumPy: an operation of JAX in a callback may wait for itself.
    return jax.pure_callback(
        lambda *arrays: function(*map(np.asarray, arrays)), result, *tensors
    )
