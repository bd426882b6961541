"""FAMO: equal progress of every loss, in amortized steps."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_number
from keras_tricks.multitask.loss_weighting import LossWeighting
from keras_tricks.multitask.loss_weighting import read_bounds

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class FAMO(LossWeighting):
    """Maps losses to a sum whose weights make all fall at the same rate.

    ```
    z = softmax(ξ)      c = 1 / Σ_j (z_j / L_j)      L = c Σ_i z_i log L_i
    ξ ← Adam on δ + γ ξ,   δ = (∂z/∂ξ)ᵀ (log L(before) − log L(now))
    ```

    What `MGDA` finds for the gradients of `log L`, this approaches with the
    losses alone, one small step of `ξ` for each step of the model: a task that
    fell less than the others gets more weight.

    When it does not help: each step compares losses of two batches, and with
    small ones their difference is mostly noise; lower `learning_rate`.

    Args:
        learning_rate: Of Adam on `ξ`, above 0. Defaults to `0.025`.
        decay: The number `γ`, which draws weights together. Defaults to
            `0.001`.
        lower_bounds: For each task the least value its loss can have,
            subtracted first; `None` stands for zeros. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        losses: Float tensor `(num_tasks,)`, above `lower_bounds`.
        training: Whether `ξ` moves.

    Returns:
        A scalar.

    Raises:
        ValueError: If `learning_rate` is not above 0.

    Example:

    >>> import keras
    >>> from keras_tricks.multitask import FAMO
    >>> loss = FAMO()(keras.ops.array([2.0, 2.0]), training=True)
    >>> round(float(loss), 4)
    1.3863

    Reference:
        Liu et al., 2023, https://arxiv.org/abs/2306.03792. There the losses
        are computed again on the same batch after the step; here those of the
        next batch stand for them, which saves a forward pass.
    """

    positive = True

    def __init__(
        self,
        learning_rate: float = 0.025,
        decay: float = 0.001,
        lower_bounds: Sequence[float] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.learning_rate = check_number(
            "learning_rate",
            learning_rate,
            lambda rate: 0 < rate < float("inf"),
            "a finite number above 0",
        )
        self.decay = check_number(
            "decay",
            decay,
            lambda rate: 0 <= rate < float("inf"),
            "a finite number of at least 0",
        )
        self.lower_bounds = read_bounds(lower_bounds)

    def build(self, input_shape: Any) -> None:
        self.xi = self.add_state("xi", input_shape)
        self.mean = self.add_state("mean", input_shape)
        self.square = self.add_state("square", input_shape)
        self.last = self.add_state("last", input_shape)
        self.step = self.add_state("step", ())

    def call(self, losses: Tensor, training: bool = False) -> Tensor:
        losses = self.above_bounds(losses)
        logarithms = ops.log(losses)
        if training:
            self.move(ops.stop_gradient(logarithms))
        z = ops.softmax(ops.convert_to_tensor(self.xi))
        c = 1.0 / ops.sum(z / ops.stop_gradient(losses))
        return ops.sum(ops.stop_gradient(c * z) * logarithms)

    def move(self, logarithms: Tensor) -> None:
        """One step of Adam on ξ, from the second finite batch on."""
        t = self.step
        xi, before, square_before, last = (
            ops.convert_to_tensor(value)
            for value in (self.xi, self.mean, self.square, self.last)
        )
        z = ops.softmax(xi)
        fall = last - logarithms
        delta = z * (fall - ops.sum(z * fall)) + self.decay * xi
        mean = 0.9 * before + 0.1 * delta
        square = 0.999 * square_before + 0.001 * delta * delta
        t_or_1 = ops.maximum(t, 1.0)
        mean_hat = mean / (1.0 - ops.power(0.9, t_or_1))
        square_hat = square / (1.0 - ops.power(0.999, t_or_1))
        change = self.learning_rate * mean_hat / (ops.sqrt(square_hat) + 1e-8)
        sound = ops.all(ops.isfinite(logarithms))
        started = sound & (t > 0.0)
        self.xi.assign_sub(ops.where(started, change, 0.0))
        self.mean.assign(ops.where(started, mean, before))
        self.square.assign(ops.where(started, square, square_before))
        self.last.assign(ops.where(sound, logarithms, last))
        self.step.assign_add(ops.cast(sound, "float32"))

    def get_config(self) -> dict:
        own = {"learning_rate": self.learning_rate, "decay": self.decay}
        return {**super().get_config(), **own}
