"""What one replica has of a number that is the mean over replicas."""

from typing import Any

import keras

Tensor = Any


class ReplicaShare(keras.losses.Loss):
    """Divides a scalar by the number of replicas of `tf.distribute`.

    There the gradients of all replicas are added up, and Keras undoes this
    division in the logs. Everywhere else nothing is divided.
    """

    def __init__(self, dtype: Any = None):
        super().__init__(reduction="sum_over_batch_size", dtype=dtype)

    def __call__(self, number: Tensor) -> Tensor:
        return super().__call__(0.0, number[None])

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return y_pred
