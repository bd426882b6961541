"""LossWeighting: from the losses of several tasks to one."""

import math
import numbers
from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_list
from keras_tricks._checks import check_number

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class LossWeighting(keras.layers.Layer):
    """Maps the losses of several tasks to the one whose gradient is followed.

    ```
    L = f(L_1, …, L_T)      ∂L/∂θ = Σ_i ∂f/∂L_i · ∂L_i/∂θ
    ```

    A layer, because weights that change are state: its variables are those of
    the model that uses it, on every backend (a variable among Keras' own
    `loss_weights` stays frozen on JAX). `models.MultiTaskModel` takes one as
    `loss_weights`; it never sees a model.

    Where a method takes the logarithm or the inverse of losses, they must be
    positive. Then `lower_bounds` `b` are subtracted first, and a loss below its
    bound makes the result NaN: a wrong bound must be seen. Losses that are not
    finite, as in a step that loss scaling skips, leave no trace in the state.

    A subclass implements `call(losses, training)`; `build` gets `(num_tasks,)`.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`. The computation is in
            float32 whatever the policy.

    Call arguments:
        losses: Float tensor `(num_tasks,)`.
        training: Whether the state may change.

    Returns:
        A scalar.

    Example:

    >>> import keras
    >>> from keras_tricks.multitask import LossWeighting
    >>> @keras.saving.register_keras_serializable(package="example")
    ... class Worst(LossWeighting):
    ...     def call(self, losses, training=False):
    ...         return keras.ops.max(losses)
    >>> float(Worst()(keras.ops.array([1.0, 3.0])))
    3.0
    """

    # Whether losses below zero are refused unless they have lower bounds.
    positive = False
    lower_bounds: Any = None

    def __init__(self, **kwargs: Any):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def add_state(self, name: str, shape: tuple, start: float = 0.0) -> Any:
        """A variable that no optimizer trains."""
        start = keras.initializers.Constant(start)
        return self.add_weight(
            name=name, shape=shape, initializer=start, trainable=False
        )

    def above_bounds(self, losses: Tensor) -> Tensor:
        """The losses less their lower bounds, NaN where they are below."""
        bounds = 0.0 if self.lower_bounds is None else self.lower_bounds
        above = losses - ops.convert_to_tensor(bounds, dtype="float32")
        smallest = keras.config.epsilon()
        return ops.where(
            above < 0.0, float("nan"), ops.maximum(above, smallest)
        )

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("dtype", None)
        if self.positive:
            config["lower_bounds"] = self.lower_bounds
        return config


def read_bounds(lower_bounds: Any) -> list[float] | None:
    """Lower bounds as a list of numbers, or None."""
    if lower_bounds is None:
        return None
    bounds = check_list(
        "lower_bounds",
        lower_bounds,
        numbers.Real,
        "a list of finite numbers, one for each loss, or None",
    )
    for bound in bounds:
        check_number("lower_bounds", bound, math.isfinite, "finite numbers")
    return [float(bound) for bound in bounds]
