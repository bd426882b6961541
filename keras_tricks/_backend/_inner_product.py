"""Inner products of samples, for backends that have no forward mode."""

from typing import Any

import keras
from keras import ops

Tensor = Any


def inner_product(gradient: Any, dtype: Any, v: Any) -> Tensor:
    """Map tensors, or equal lists of tensors, `(batch, ...)` to `(batch,)`."""
    total: Any = 0
    for g, part in zip(
        keras.tree.flatten(gradient), keras.tree.flatten(v), strict=True
    ):
        product = ops.cast(g, dtype) * ops.cast(part, dtype)
        axes = tuple(range(1, len(g.shape)))
        total = total + ops.sum(product, axis=axes)
    return total
