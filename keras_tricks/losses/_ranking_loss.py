"""What the losses that rank the rows of a batch share."""

from typing import Any

import keras
from keras import ops

from keras_tricks._backend import whole_batch
from keras_tricks._checks import check_flag
from keras_tricks._checks import check_positive
from keras_tricks._replicas import ReplicaShare
from keras_tricks.losses._ranking import ranking_loss
from keras_tricks.losses._zero_bounded import at_least_float32

Tensor = Any


class RankingLoss(keras.losses.Loss):
    """Base of `CoSENT` and `AnglE`; a subclass implements `similarity`.

    The batch has one loss. A reduction, or Keras' way of multiplying a row's
    loss by its weight, would have nothing to work on.
    """

    def __init__(
        self, scale: float, across_replicas: bool, name: str, dtype: Any
    ):
        super().__init__(
            name=name, reduction="sum", dtype=at_least_float32(dtype)
        )
        self.scale = check_positive("scale", scale)
        self.across_replicas = check_flag("across_replicas", across_replicas)
        self._row_weights = RowWeights(dtype=self.dtype)
        self._share = ReplicaShare(dtype=self.dtype)

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None
    ) -> Tensor:
        weight = self._row_weights(0.0, y_pred, sample_weight)
        # Not cast to float32, as Keras does, which holds integers to 2^24.
        y_true = ops.convert_to_tensor(y_true)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        with keras.name_scope(self.name):
            loss = self.call(y_true, y_pred, weight)
            return self._share(loss)

    def call(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None
    ) -> Tensor:
        s = self.similarity(y_pred)
        y = one_per_row("y_true", y_true, s)
        if keras.backend.standardize_dtype(y.dtype) == "bool":
            y = ops.cast(y, "int32")
        w = ops.ones_like(s) if sample_weight is None else sample_weight
        w = one_per_row("sample_weight", w, s)
        if self.across_replicas:
            y, s, w = whole_batch(y), whole_batch(s), whole_batch(w)
        return ranking_loss(y, s, w, self.scale)

    def similarity(self, y_pred: Tensor) -> Tensor:
        """The similarity of each row, `(batch,)`."""
        raise NotImplementedError

    def get_config(self) -> dict:
        return {
            "scale": self.scale,
            "across_replicas": self.across_replicas,
            "name": self.name,
            "dtype": self.dtype,
        }


class RowWeights(keras.losses.Loss):
    """The weight of each row: `sample_weight` times the mask of `y_pred`."""

    def __init__(self, dtype: Any):
        super().__init__(name="row_weights", reduction=None, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        rows = ops.shape(ops.convert_to_tensor(y_pred))[:1]
        return ops.ones(rows, dtype=self.dtype)


def one_per_row(name: str, x: Tensor, rows: Tensor) -> Tensor:
    """Return `x` as `(batch,)` if it is that or `(batch, 1)`, else raise."""
    shape = tuple(x.shape)
    if len(shape) == 2 and shape[1] == 1:
        x = ops.squeeze(x, axis=1)
    size = None if rows is None else rows.shape[0]
    known = x.shape[0] if len(x.shape) == 1 else None
    if len(x.shape) != 1 or (None not in (size, known) and size != known):
        expected = "batch" if size is None else str(size)
        raise ValueError(
            f"`{name}` must have one number per row, shape `({expected},)` or "
            f"`({expected}, 1)`. Received: {name} of shape {shape}"
        )
    return x
