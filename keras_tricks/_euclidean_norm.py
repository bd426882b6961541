"""The length of each sample's gradient."""

from typing import Any

from keras import ops

Tensor = Any


def euclidean_norm(g: Tensor) -> Tensor:
    """Map `(batch, ...)` to the norms `(batch,)`, in float32 at least.

    Divided by its largest entry first, so that squares neither overflow nor
    vanish. Its derivative at 0 is 0; that of `ops.norm` is NaN.
    """
    if str(g.dtype).endswith("float16"):
        g = ops.cast(g, "float32")
    axes = tuple(range(1, len(g.shape)))
    largest = ops.max(ops.abs(ops.stop_gradient(g)), axis=axes, keepdims=True)
    is_zero = largest == 0
    scale = ops.where(is_zero, ops.ones_like(largest), largest)
    squares = ops.sum(ops.square(g / scale), axis=axes)
    is_zero, scale = ops.squeeze(is_zero, axes), ops.squeeze(scale, axes)
    length = ops.sqrt(ops.where(is_zero, ops.ones_like(squares), squares))
    return ops.where(is_zero, ops.zeros_like(squares), scale * length)
