"""GeneralizedMean: between the smallest and the largest loss."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_number
from keras_tricks.multitask.loss_weighting import LossWeighting
from keras_tricks.multitask.loss_weighting import read_bounds

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class GeneralizedMean(LossWeighting):
    """Maps losses to their mean of any power.

    ```
    L = ((1/T) Σ_i L_i^γ)^(1/γ)      ∂L/∂L_i = (1/T) (L_i / L)^(γ−1)
    ```

    `γ = 1` is the mean, `γ → 0` the geometric mean `(Π_i L_i)^(1/T)`, larger
    ones come nearer to the largest loss. It grows with `γ`. For every `γ ≠ 1`
    it is scale-free only as a whole; the direction of the geometric mean alone
    does not depend on the unit of any loss.

    When it does not help: as in `DynamicLosses`, a loss near 0 gets most of
    the weight where `γ < 1`.

    Args:
        power: The number `γ`. Defaults to `0.0`.
        lower_bounds: For each task the least value its loss can have,
            subtracted first; `None` stands for zeros. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        losses: Float tensor `(num_tasks,)`, above `lower_bounds`.
        training: Has no effect.

    Returns:
        A scalar.

    Example:

    >>> import keras
    >>> from keras_tricks.multitask import GeneralizedMean
    >>> losses = keras.ops.array([1.0, 4.0])
    >>> [round(float(GeneralizedMean(power)(losses)), 4) for power in (0, 1)]
    [2.0, 2.5]

    Reference:
        Su Jianlin, 2022, https://kexue.fm/archives/8870.
    """

    positive = True

    def __init__(
        self,
        power: float = 0.0,
        lower_bounds: Sequence[float] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.power = float(
            check_number("power", power, math.isfinite, "a finite number")
        )
        self.lower_bounds = read_bounds(lower_bounds)

    def call(self, losses: Tensor, training: bool = False) -> Tensor:
        logarithms = ops.log(self.above_bounds(losses))
        if self.power == 0.0:
            return ops.exp(ops.mean(logarithms))
        # As a logarithm, so that no power overflows.
        count = ops.log(ops.cast(losses.shape[0], "float32"))
        total = ops.logsumexp(self.power * logarithms) - count
        return ops.exp(total / self.power)

    def get_config(self) -> dict:
        return {**super().get_config(), "power": self.power}
