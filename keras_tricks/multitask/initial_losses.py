"""InitialLosses: each loss over what it was at first."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_positive_int
from keras_tricks.multitask.loss_weighting import LossWeighting
from keras_tricks.multitask.loss_weighting import read_bounds

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class InitialLosses(LossWeighting):
    """Maps losses to their sum, each divided by its value at the start.

    ```
    L = Σ_i L_i / L_i⁰      L_i⁰ the mean of the first num_steps batches
    ```

    Every task starts with the same say, whatever the unit of its loss, and the
    weights stay as they are after that.

    When it does not help: a poor start, such as a bias far off, gives a task a
    small weight for good. What labels alone say of a loss, `prior_loss`, does
    not depend on the start.

    Args:
        num_steps: Number of batches, at least 1. Defaults to `1`.
        lower_bounds: For each task the least value its loss can have,
            subtracted first; `None` stands for zeros. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        losses: Float tensor `(num_tasks,)`, above `lower_bounds`.
        training: Whether these may be the first batches.

    Returns:
        A scalar.

    Raises:
        ValueError: If `num_steps` is no integer of at least 1.

    Example:

    >>> import keras
    >>> from keras_tricks.multitask import InitialLosses
    >>> weighting = InitialLosses()
    >>> float(weighting(keras.ops.array([4.0, 100.0]), training=True))
    2.0
    >>> float(weighting(keras.ops.array([1.0, 50.0]), training=True))
    0.75

    Reference:
        Su Jianlin, 2022, https://kexue.fm/archives/8870.
    """

    positive = True

    def __init__(
        self,
        num_steps: int = 1,
        lower_bounds: Sequence[float] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.num_steps = check_positive_int("num_steps", num_steps)
        self.lower_bounds = read_bounds(lower_bounds)

    def build(self, input_shape: Any) -> None:
        self.reference = self.add_state("reference", input_shape)
        self.count = self.add_state("count", ())

    def call(self, losses: Tensor, training: bool = False) -> Tensor:
        losses = self.above_bounds(losses)
        if training:
            self.take(ops.stop_gradient(losses))
        known = ops.convert_to_tensor(self.count) > 0.0
        reference = ops.convert_to_tensor(self.reference)
        reference = ops.where(known, reference, losses)
        return ops.sum(losses / ops.stop_gradient(reference))

    def take(self, losses: Tensor) -> None:
        """One more of the first batches, if its losses are finite."""
        sound = ops.all(ops.isfinite(losses))
        losses = ops.where(sound, losses, 0.0)
        new = ops.cast(sound & (self.count < self.num_steps), "float32")
        count = self.count + new
        change = (losses - self.reference) / ops.maximum(count, 1.0)
        self.reference.assign_add(new * change)
        self.count.assign(count)

    def get_config(self) -> dict:
        return {**super().get_config(), "num_steps": self.num_steps}
