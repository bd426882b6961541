"""CAGrad: near the mean gradient, the best for the task that gains least."""

from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_number
from keras_tricks.multitask._best_near import best_near
from keras_tricks.multitask._norms import relative_to_smallest
from keras_tricks.multitask.aggregator import Aggregator
from keras_tricks.multitask.aggregator import over

Tensor = Any

# The mean gradient relative to the largest, below which it is rounding.
SMALLEST_MEAN = 1e-6


@keras.saving.register_keras_serializable(package="keras_tricks")
class CAGrad(Aggregator):
    """Maps the Gram matrix of gradients to one near their mean.

    ```
    g_0 = (1/T) Σ_i g_i      u = argmax_d min_i ⟨g_i, d⟩
                                 with ‖d − g_0‖ ≤ c ‖g_0‖
    ```

    `c = 0` is the mean of the gradients, larger values come nearer to `MGDA`.
    Because `u` stays at less than 90° to the mean gradient for `c < 1`, the
    mean of the losses still converges; within that freedom the task that would
    gain least gains most.

    When it does not help: for small `c` a task can still go up. Where the mean
    is zero, `u` is.

    A gradient that is zero counts in the mean, and is no task to help.

    Args:
        conflict_aversion: The number `c`, at least 0 and below 1. Defaults to
            `0.5`.

    Returns:
        Float32 tensor `(num_tasks,)`, the weights.

    Raises:
        ValueError: If `conflict_aversion` is out of range.

    Example:

    >>> from keras_tricks.multitask import CAGrad
    >>> [round(float(w), 4) for w in CAGrad()([[1.0, 0.0], [0.0, 4.0]])]
    [1.059, 0.5]

    Reference:
        Liu et al., 2021, https://arxiv.org/abs/2110.14048. The published code
        divides `u` by `1 + c²`; the paper does not. There `u` comes from a
        numerical search for its dual weights; here it is followed exactly,
        as the bound on the least gain rises. Where gradients cancel so that
        several `u` are best, it is the one nearest to `g_0`.
    """

    def __init__(self, conflict_aversion: float = 0.5):
        self.conflict_aversion = check_number(
            "conflict_aversion",
            conflict_aversion,
            lambda c: 0.0 <= c < 1.0,
            "at least 0 and below 1",
        )

    def weights(self, cosines: Tensor, norms: Tensor) -> Tensor:
        num_tasks = norms.shape[0]
        inner = ops.matmul(cosines, norms) / num_tasks
        square = ops.sum(norms * inner) / num_tasks
        length = ops.sqrt(ops.maximum(square, 0.0))
        cancelled = length < SMALLEST_MEAN
        length = ops.where(cancelled, 1.0, length)
        y = best_near(
            cosines,
            inner / length,
            relative_to_smallest(norms),
            self.conflict_aversion,
        )
        y = ops.where(cancelled, 0.0, y)
        return 1.0 / num_tasks + over(length * y, norms)

    def get_config(self) -> dict:
        own = {"conflict_aversion": self.conflict_aversion}
        return {**super().get_config(), **own}
