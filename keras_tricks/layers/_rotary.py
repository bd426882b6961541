"""Rotary position embedding of queries and keys."""

from typing import Any

from keras import ops

Tensor = Any


def rotary(x: Tensor, base: float = 10000.0) -> Tensor:
    """Rotate each pair of features by an angle proportional to the position.

    With `θ_j = base^(−2j/dim)`, at position `m`

    ```
    y[2j]   = x[2j] cos(mθ_j) − x[2j+1] sin(mθ_j)
    y[2j+1] = x[2j+1] cos(mθ_j) + x[2j] sin(mθ_j)
    ```

    so that a dot product of two rotated vectors depends on their positions by
    the difference alone. The result holds all even features, then all odd
    ones: a dot product does not see the order, and this one needs no shuffle.

    Args:
        x: Tensor `(..., length, dim)` with an even `dim`.
        base: The wavelengths go from 2π to `2π · base`.

    Reference:
        Su et al., 2021, RoFormer: https://arxiv.org/abs/2104.09864
    """
    dim = x.shape[-1]
    theta = base ** (-ops.arange(0, dim, 2, dtype="float32") / dim)
    # With its start: jax2onnx, which exports to ONNX, knows no other `arange`.
    position = ops.cast(ops.arange(0, ops.shape(x)[-2]), "float32")
    angle = position[:, None] * theta
    cos = ops.cast(ops.cos(angle), x.dtype)
    sin = ops.cast(ops.sin(angle), x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    return ops.concatenate(
        [even * cos - odd * sin, odd * cos + even * sin], axis=-1
    )
