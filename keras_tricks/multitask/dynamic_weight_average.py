"""DynamicWeightAverage: more weight where a loss falls slowly."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_number
from keras_tricks._checks import check_positive_int
from keras_tricks.multitask.loss_weighting import LossWeighting
from keras_tricks.multitask.loss_weighting import read_bounds

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class DynamicWeightAverage(LossWeighting):
    """Maps losses to a sum with weights from how fast each one falls.

    ```
    r_i = L̄_i(k − 1) / L̄_i(k − 2)      w = T softmax(r / τ)      L = Σ_i w_i L_i
    ```

    with the means `L̄(k)` of the losses over period `k`. A task that fell less
    gets more weight. Before two periods are over, the weights are 1.

    When it does not help: the weights see ratios, not sizes, so losses of
    different units stay as unequal as they were.

    Args:
        period: Number of steps of a period, best those of an epoch, at least 1.
        temperature: The number `τ` above 0; a larger one makes weights more
            equal. Defaults to `2.0`.
        lower_bounds: For each task the least value its loss can have,
            subtracted before ratios are taken; `None` stands for zeros.
            Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        losses: Float tensor `(num_tasks,)`, above `lower_bounds`.
        training: Whether the step counts.

    Returns:
        A scalar.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> import keras
    >>> from keras_tricks.multitask import DynamicWeightAverage
    >>> weighting = DynamicWeightAverage(period=1)
    >>> losses = keras.ops.array([1.0, 2.0])
    >>> [float(weighting(losses, training=True)) for _ in range(3)]
    [3.0, 3.0, 3.0]

    Reference:
        Liu, Johns and Davison, 2019, https://arxiv.org/abs/1803.10704, where a
        period is an epoch.
    """

    positive = True

    def __init__(
        self,
        period: int,
        temperature: float = 2.0,
        lower_bounds: Sequence[float] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.period = check_positive_int("period", period)
        self.temperature = check_number(
            "temperature", temperature, lambda t: t > 0, "a number above 0"
        )
        self.lower_bounds = read_bounds(lower_bounds)

    def build(self, input_shape: Any) -> None:
        self.total = self.add_state("total", input_shape)
        self.last = self.add_state("last", input_shape)
        self.before = self.add_state("before", input_shape)
        self.step = self.add_state("step", ())

    def call(self, losses: Tensor, training: bool = False) -> Tensor:
        last, before = (
            ops.convert_to_tensor(value) for value in (self.last, self.before)
        )
        new = before == 0.0
        ratio = ops.where(new, 1.0, last / ops.where(new, 1.0, before))
        w = losses.shape[0] * ops.softmax(ratio / self.temperature)
        above = self.above_bounds(losses)
        if training:
            self.take(ops.stop_gradient(above))
        losses = ops.where(ops.isnan(above), float("nan"), losses)
        return ops.sum(ops.stop_gradient(w) * losses)

    def take(self, losses: Tensor) -> None:
        """One more step with finite losses, the last of its period or not."""
        sound = ops.all(ops.isfinite(losses))
        total = self.total + ops.where(sound, losses, 0.0)
        step = self.step + ops.cast(sound, "float32")
        last, before = (
            ops.convert_to_tensor(value) for value in (self.last, self.before)
        )
        done = step >= self.period
        self.before.assign(ops.where(done, last, before))
        self.last.assign(ops.where(done, total / self.period, last))
        self.total.assign(ops.where(done, 0.0, total))
        self.step.assign(ops.where(done, 0.0, step))

    def get_config(self) -> dict:
        own = {"period": self.period, "temperature": self.temperature}
        return {**super().get_config(), **own}
