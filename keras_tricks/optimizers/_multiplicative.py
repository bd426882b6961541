"""Steps that multiply weights, and the sets that they keep to."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

Tensor = Any

# A step multiplies a weight by e^20 at most: nothing overflows on the way.
LARGEST_STEP = 20.0


def nonnegative_step(w: Tensor, step: Tensor) -> Tensor:
    """W · exp(−step), with a bound on the step."""
    return w * ops.exp(-ops.clip(step, -LARGEST_STEP, LARGEST_STEP))


def simplex_step(w: Tensor, lr: Tensor, g: Tensor, axis: int) -> Tensor:
    """W · exp(−η g), normalised, in logarithms."""
    # A constant added to the gradient cancels; taken out, it costs no digits.
    g = ops.clip(g, -1e30, 1e30)
    step = lr * (g - ops.min(g, axis=axis, keepdims=True))
    log_w = ops.where(w > 0, ops.log(ops.where(w > 0, w, 1.0)), -float("inf"))
    return ops.softmax(log_w - ops.clip(step, 0.0, 1e30), axis=axis)


def signed_step(w: Tensor, step: Tensor, beta: float, high: float) -> Tensor:
    """β · sinh(asinh(w / β) − step), at most `high` in size."""
    step = ops.clip(step, -LARGEST_STEP, LARGEST_STEP)
    top = min(math.asinh(high / beta), 88.0)
    return beta * ops.sinh(ops.clip(ops.arcsinh(w / beta) - step, -top, top))


def positive(moved: Tensor, w: Tensor, low: float, high: float) -> Tensor:
    """Keep weights that are positive so, and those at 0 there."""
    return ops.where(w > 0, ops.clip(moved, low, high), 0.0)


def bounds(dtype: str) -> tuple[float, float]:
    """The smallest and the largest positive weight of a dtype.

    The smallest of float16 is subnormal; elsewhere those are flushed to 0.
    """
    return (6e-8, 65504.0) if dtype == "float16" else (1.2e-38, 3.38e38)


def raised(x: Tensor) -> Tensor:
    """Half precision as float32."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    return ops.cast(x, "float64" if dtype == "float64" else "float32")


def broken_requirement(
    w: Any, constraint: str, axis: int, dtype: Any
) -> str | None:
    """What an array must do to lie in the set, if it does not."""
    if not np.isfinite(w).all():
        return "be finite"
    if constraint == "signed":
        return None
    if w.min(initial=0) < 0:
        return "be at least 0"
    if constraint == "nonnegative":
        return None if w.any() else "be above 0 somewhere"
    if not -w.ndim <= axis < w.ndim:
        return f"have an axis {axis}"
    rounding = 1e-2 if dtype in ("float16", "bfloat16") else 1e-3
    error = abs(w.sum(axis) - 1).max(initial=0)
    return f"sum to 1 along axis {axis}" if error > rounding else None
