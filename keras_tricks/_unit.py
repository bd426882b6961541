"""Vectors of length 1."""

from typing import Any

from keras import ops

Tensor = Any


def unit(x: Tensor) -> Tensor:
    """Divide vectors on the last axis by their length.

    By their largest entry first, so that no square overflows or vanishes: the
    direction does not depend on the scale, and neither does its gradient. A
    zero vector stays zero, and has no gradient.
    """
    largest = ops.max(ops.abs(x), axis=-1, keepdims=True, initial=0.0)
    some = largest > 0
    x = x / ops.stop_gradient(ops.where(some, largest, 1.0))
    square = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return ops.where(some, x * ops.rsqrt(ops.where(some, square, 1.0)), 0.0)
