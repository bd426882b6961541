"""Uncertainty: weights that are trained with the model."""

from typing import Any

import keras
from keras import ops

from keras_tricks.multitask.loss_weighting import LossWeighting

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class Uncertainty(LossWeighting):
    """Maps losses to a sum with trained weights.

    ```
    L = ½ Σ_i (e^(−s_i) L_i + s_i)
    ```

    with a trained number `s_i = log σ_i²` for each task: the log-likelihood of
    tasks with Gaussian noise of variance `σ_i²`. At its minimum
    `e^(−s_i) = 1/L_i`, so it is a slow `DynamicLosses`, that does not follow
    the noise of single batches.

    When it does not help: the learning rate of the model is that of `s`; with
    a small one the weights come too late. A loss that stays below 0 has no best
    `s`: its weight grows without end.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        losses: Float tensor `(num_tasks,)`.
        training: Has no effect.

    Returns:
        A scalar.

    Example:

    >>> import keras
    >>> from keras_tricks.multitask import Uncertainty
    >>> loss = Uncertainty()(keras.ops.array([1.0, 4.0]))
    >>> float(keras.ops.convert_to_numpy(loss))
    2.5

    Reference:
        Kendall, Gal and Cipolla, 2018, https://arxiv.org/abs/1705.07115.
    """

    def build(self, input_shape: Any) -> None:
        self.log_variances = self.add_weight(
            name="log_variances", shape=input_shape, initializer="zeros"
        )

    def call(self, losses: Tensor, training: bool = False) -> Tensor:
        s = self.log_variances
        return 0.5 * ops.sum(ops.exp(-s) * losses + s)
