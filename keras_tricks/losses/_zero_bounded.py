"""`log(1 + Σ e^x)`, the building block of the zlpr losses."""

from typing import Any

import keras
from keras import ops

Tensor = Any


def log1p_sum_exp(x: Tensor, axis: Any) -> Tensor:
    """Compute `log(1 + Σ e^x)` over `axis`, −inf entries contributing nothing.

    With `m = max(0, max x)` it is `m + log1p(Σ e^(x−m) + (e^−m − 1))`. Neither
    large nor vanishing sums lose digits, and the gradient is
    `e^(x−m) / (e^−m + Σ e^(x−m))`. A library's `logsumexp` may take it as
    `e^(x − logsumexp)` instead, whose rounding grows with `|x|`.
    """
    m = ops.max(x, axis=axis, keepdims=True, initial=0.0)
    m = ops.stop_gradient(m)
    total = ops.sum(ops.exp(x - m), axis=axis)
    m = ops.squeeze(m, axis=axis)
    return m + ops.log1p(total + ops.expm1(-m))


def log_sum_exp(x: Tensor, axis: Any) -> Tensor:
    """Compute `log Σ e^x` over `axis`; −inf, with no gradient, for no terms."""
    m = ops.stop_gradient(ops.max(x, axis=axis, keepdims=True))
    m = ops.where(m > -float("inf"), m, 0.0)
    return ops.squeeze(m, axis=axis) + log_or_minus_infinity(
        ops.sum(ops.exp(x - m), axis=axis)
    )


def log_or_minus_infinity(x: Tensor) -> Tensor:
    """`log(x)`; −inf, with no gradient, where `x` is 0."""
    return ops.where(x > 0, ops.log(ops.where(x > 0, x, 1.0)), -float("inf"))


def at_least_float32(dtype: Any) -> str:
    """The dtype a loss computes in, never narrower than float32.

    Half precision would round integer labels above 2048 (float16) or 256
    (bfloat16), and sums over a span matrix.
    """
    dtype = keras.dtype_policies.get(dtype or keras.config.floatx())
    compute = dtype.compute_dtype
    return "float32" if compute in ("float16", "bfloat16") else compute
