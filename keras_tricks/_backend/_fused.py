"""How JAX and TensorFlow draw and apply masks: XLA makes one loop of it."""

from collections.abc import Callable
from typing import Any

import keras

Tensor = Any


def scramble(x: Tensor, places: int, factor: int) -> Tensor:
    """Map int32 `x` to `(x ^ (x >>> places)) · factor`."""
    # `right_shift` repeats the sign; its copies are cut off.
    ones = (1 << 32 - places) - 1
    shifted = keras.ops.bitwise_and(keras.ops.right_shift(x, places), ones)
    return keras.ops.multiply(keras.ops.bitwise_xor(x, shifted), factor)


def select(mask: Tensor, x: Tensor, divisor: float) -> Tensor:
    """`x / divisor` where a mask is true, and 0 elsewhere, whatever `x` is."""
    selected = keras.ops.where(mask, x, 0.0)
    return selected if divisor == 1 else selected / divisor


def in_pieces(function: Callable[[int, int], Tensor], size: int) -> Tensor:
    """`function(0, size)`, which is that of its parts put together."""
    return function(0, size)
