"""NormalizedSum: gradients of equal length."""

from typing import Any

import keras
from keras import ops

from keras_tricks.multitask._norms import geometric_mean
from keras_tricks.multitask.aggregator import Aggregator
from keras_tricks.multitask.aggregator import over

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class NormalizedSum(Aggregator):
    """Maps the Gram matrix of gradients to weights that make all equally long.

    ```
    w_i = n / |g_i|      n = (Π_j |g_j|)^(1/T)      u = n Σ_i g_i / |g_i|
    ```

    Each task has the same say, whatever the unit of its loss, and whatever
    constant is added to it. Two gradients that are not exactly opposite both
    go down: the sum of two unit vectors is at less than 90° to each.

    When it does not help: a task that is learnt keeps the length of the others
    and what is left of its gradient is noise. With three tasks or more `u` can
    be uphill for one of them (`MGDA`, `UPGrad` never are).

    A gradient that is zero is left out.

    Args:
        No arguments.

    Returns:
        Float32 tensor `(num_tasks,)`, the weights.

    Example:

    >>> from keras_tricks.multitask import NormalizedSum
    >>> [round(float(w), 4) for w in NormalizedSum()([[1.0, 0.0], [0.0, 16.0]])]
    [2.0, 0.5]

    Reference:
        Su Jianlin, 2022, https://kexue.fm/archives/8870, where `n = 1`. The
        geometric mean keeps the step in proportion to the gradients, as plain
        SGD and loss scaling expect, and a constant factor on one loss remains
        a constant factor on `u`, to which Adam is blind.
    """

    def weights(self, cosines: Tensor, norms: Tensor) -> Tensor:
        return over(geometric_mean(norms) * ops.ones_like(norms), norms)
