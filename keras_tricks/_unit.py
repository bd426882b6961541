"""Vectors of length 1."""

from typing import Any

from keras import ops

Tensor = Any


def unit(x: Tensor) -> Tensor:
    """Divide vectors on the last axis by their length.

    A zero vector stays zero, and has no gradient.
    """
    square = ops.sum(x * x, axis=-1, keepdims=True)
    some = square > 0
    return ops.where(some, x * ops.rsqrt(ops.where(some, square, 1.0)), 0.0)
