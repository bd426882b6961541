"""Mean: the same weight for every task."""

from typing import Any

import keras
from keras import ops

from keras_tricks.multitask.aggregator import Aggregator

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class Mean(Aggregator):
    """Maps the Gram matrix of `T` gradients to the weights of their mean.

    ```
    w_i = 1 / T
    ```

    What a loss that is the mean of the tasks' losses does: the measure for
    every other aggregator, and often enough. Published comparisons found a
    plain sum with tuned weights and usual regularisation on a par with methods
    made for many tasks. When it does not help: one gradient far larger than
    the rest is all that counts, and what is best on the average may be uphill
    for a task.

    Args:
        No arguments.

    Returns:
        Float32 tensor `(num_tasks,)`, the weights.

    Example:

    >>> from keras_tricks.multitask import Mean
    >>> [float(w) for w in Mean()([[1.0, 0.0], [0.0, 4.0]])]
    [0.5, 0.5]

    Reference:
        Kurin et al., 2022, In Defense of the Unitary Scalarization for Deep
        Multi-Task Learning: https://arxiv.org/abs/2201.04122.
    """

    def weights(self, cosines: Tensor, norms: Tensor) -> Tensor:
        return ops.ones_like(norms) / norms.shape[0]
