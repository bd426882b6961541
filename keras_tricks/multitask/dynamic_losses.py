"""DynamicLosses: each loss over its own value."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_tricks.multitask.loss_weighting import LossWeighting
from keras_tricks.multitask.loss_weighting import read_bounds

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class DynamicLosses(LossWeighting):
    """Maps losses to their sum, each divided by its own present value.

    ```
    L = Σ_i L_i / stop_gradient(L_i)      ∂L/∂θ = Σ_i ∂ log L_i / ∂θ
    ```

    The unit of a loss cancels; the direction is that of the geometric mean of
    the losses. A good baseline that has nothing to tune.

    When it does not help: the value says how far a loss is from 0, not from
    the least it can be. A constant added to a loss lowers its weight, and a
    loss near 0 gets all of it.

    Args:
        lower_bounds: For each task the least value its loss can have,
            subtracted first; `None` stands for zeros. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        losses: Float tensor `(num_tasks,)`, above `lower_bounds`.
        training: Has no effect.

    Returns:
        A scalar: the number of tasks, with the gradient above.

    Example:

    >>> import keras
    >>> from keras_tricks.multitask import DynamicLosses
    >>> float(DynamicLosses()(keras.ops.array([0.1, 30.0])))
    2.0

    Reference:
        Su Jianlin, 2022, https://kexue.fm/archives/8870.
    """

    positive = True

    def __init__(
        self, lower_bounds: Sequence[float] | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.lower_bounds = read_bounds(lower_bounds)

    def call(self, losses: Tensor, training: bool = False) -> Tensor:
        losses = self.above_bounds(losses)
        return ops.sum(losses / ops.stop_gradient(losses))
