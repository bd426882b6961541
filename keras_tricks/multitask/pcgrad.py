"""PCGrad: gradients without what conflicts with another."""

from typing import Any

import keras
from keras import ops

from keras_tricks.multitask.aggregator import Aggregator
from keras_tricks.multitask.aggregator import over

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class PCGrad(Aggregator):
    """Maps the Gram matrix of gradients to the sum of them without conflicts.

    From each `p_i = g_i`, for the other tasks `j` one after another

    ```
    p_i ← p_i − min(⟨p_i, g_j⟩, 0) / ‖g_j‖² · g_j      u = Σ_i p_i
    ```

    A gradient gives up the part that is uphill for another task, and the step
    stays as long as that of the summed losses where nothing conflicts.

    For two tasks this is twice `UPGrad`, and no task goes up. When it does not
    help: with three or more a later projection can bring back a conflict that
    an earlier one took out; `UPGrad` removes all at once.

    Args:
        No arguments.

    Returns:
        Float32 tensor `(num_tasks,)`, the weights.

    Example:

    >>> from keras_tricks.multitask import PCGrad
    >>> [round(float(w), 4) for w in PCGrad()([[1.0, -1.0], [-1.0, 4.0]])]
    [2.0, 1.25]

    Reference:
        Yu et al., 2020, Gradient Surgery: https://arxiv.org/abs/2001.06782.
        There the order of the other tasks is drawn at every step; here it is
        `i + 1, …, T, 1, …, i − 1`, so that the weights are a function of `G`.
    """

    def weights(self, cosines: Tensor, norms: Tensor) -> Tensor:
        num_tasks = norms.shape[0]
        y = ops.eye(num_tasks)
        for distance in range(1, num_tasks):
            j = ops.roll(ops.eye(num_tasks), distance, axis=1)
            inner = ops.sum(ops.matmul(y, cosines) * j, axis=1)
            y = y - ops.minimum(inner, 0.0)[:, None] * j
        return over(ops.matmul(norms, y), norms)
