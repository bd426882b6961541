"""What the aggregators share about lengths of gradients."""

from typing import Any

from keras import ops

Tensor = Any


def geometric_mean(norms: Tensor) -> Tensor:
    """The geometric mean of those norms that are not zero."""
    present = norms > 0.0
    logarithms = ops.log(ops.where(present, norms, 1.0))
    return ops.exp(mean_of(logarithms, present))


def mean_of(x: Tensor, present: Tensor) -> Tensor:
    """The mean of `x` where `present`, which holds somewhere."""
    count = ops.sum(ops.cast(present, "float32"))
    return ops.sum(ops.where(present, x, 0.0)) / ops.maximum(count, 1.0)


def share_of(present: Tensor) -> Tensor:
    """Equal weights of sum 1 where `present`."""
    chosen = ops.cast(present, "float32")
    return chosen / ops.maximum(ops.sum(chosen), 1.0)


def relative_to_smallest(norms: Tensor) -> Tensor:
    """`min_j |g_j| / |g_i|` over the norms that are not zero, which stay 0."""
    present = norms > 0.0
    smallest = ops.min(ops.where(present, norms, 1.0))
    return ops.where(present, smallest / ops.where(present, norms, 1.0), 0.0)
