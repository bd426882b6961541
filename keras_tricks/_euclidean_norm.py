"""The length of each sample's gradient."""

from typing import Any

import keras
from keras import ops

Tensor = Any


def at_least_float32(x: Tensor) -> Tensor:
    """Half precision cast to float32, anything else as it is."""
    half = keras.backend.standardize_dtype(x.dtype).endswith("float16")
    return ops.cast(x, "float32") if half else x


def euclidean_norm(g: Tensor) -> Tensor:
    """Map `(batch, ...)` to the norms `(batch,)`, in float32 at least.

    Divided by its largest entry first, so that squares neither overflow nor
    vanish. Its derivative at 0 is 0; that of `ops.norm` is NaN.
    """
    g = at_least_float32(g)
    axes = tuple(range(1, len(g.shape)))
    largest = ops.max(ops.abs(ops.stop_gradient(g)), axis=axes, keepdims=True)
    is_zero = largest == 0
    scale = ops.where(is_zero, ops.ones_like(largest), largest)
    squares = ops.sum(ops.square(g / scale), axis=axes)
    is_zero, scale = ops.squeeze(is_zero, axes), ops.squeeze(scale, axes)
    length = ops.sqrt(ops.where(is_zero, ops.ones_like(squares), squares))
    return ops.where(is_zero, ops.zeros_like(squares), scale * length)
