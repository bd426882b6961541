"""WeightClipping: weights within a box."""

from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_number

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class WeightClipping(keras.constraints.Constraint):
    """Maps weights to weights between `−limit` and `limit`.

    ```
    w ← min(max(w, −limit), limit)
    ```

    The first Lipschitz constraint on critics, and the crudest: the bound on
    the function is some product over its layers, and most weights end up at
    ±`limit`. It is here to be compared with. `GradientNormalization` bounds the
    critic itself.

    Args:
        limit: The largest size of a weight, above 0. Defaults to `0.01`.

    Call arguments:
        value: Float tensor.

    Returns:
        Tensor of its shape and dtype.

    Raises:
        ValueError: If `limit` is not above 0.

    Example:

    >>> import keras
    >>> from keras_tricks.constraints import WeightClipping
    >>> clip = WeightClipping(0.5)
    >>> [float(w) for w in clip(keras.ops.array([-2.0, 0.25, 1.0]))]
    [-0.5, 0.25, 0.5]
    >>> critic = keras.layers.Dense(
    ...     1, kernel_constraint=clip, bias_constraint=clip
    ... )

    Reference:
        Arjovsky et al., 2017: https://arxiv.org/abs/1701.07875.
    """

    def __init__(self, limit: float = 0.01):
        self.limit = check_number(
            "limit", limit, lambda c: c > 0, "a number above 0"
        )

    def __call__(self, value: Tensor) -> Tensor:
        return ops.clip(value, -self.limit, self.limit)

    def get_config(self) -> dict:
        return {"limit": self.limit}
