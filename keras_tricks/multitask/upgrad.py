"""UPGrad: the mean of gradients, each turned until it harms no task."""

from typing import Any

import keras
from keras import ops

from keras_tricks.multitask._nonnegative import nonnegative_minimum
from keras_tricks.multitask.aggregator import Aggregator
from keras_tricks.multitask.aggregator import over

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class UPGrad(Aggregator):
    """Maps the Gram matrix of gradients to the mean of unconflicting ones.

    ```
    p_i = argmin_p ‖p − g_i‖²   with   ⟨p, g_j⟩ ≥ 0 for all j
    u = (1/T) Σ_i p_i
    ```

    Each gradient moves to the nearest vector along which no loss goes up, and
    these are averaged. So no task conflicts with `u`, a longer gradient still
    has a larger say, and where nothing conflicts `u` is the mean of the
    gradients: a good default.

    For two tasks this is half of `PCGrad`. When it does not help: a large
    gradient still outweighs a small one that does not conflict with it;
    `NashMTL` and `IMTLG` have no regard for length.

    Args:
        No arguments.

    Returns:
        Float32 tensor `(num_tasks,)`, the weights.

    Example:

    >>> from keras_tricks.multitask import UPGrad
    >>> [round(float(w), 4) for w in UPGrad()([[1.0, -1.0], [-1.0, 4.0]])]
    [1.0, 0.625]

    Reference:
        Quinton and Rey, 2024, Jacobian Descent for Multi-Objective
        Optimization: https://arxiv.org/abs/2406.16232.
    """

    def weights(self, cosines: Tensor, norms: Tensor) -> Tensor:
        # p_i = |g_i| Σ_j (I + Y)_ij ĝ_j; Y_i holds the multipliers of task i.
        Y = nonnegative_minimum(cosines, -cosines)
        p = ops.eye(norms.shape[0]) + Y
        return over(ops.matmul(norms, p), norms) / norms.shape[0]
