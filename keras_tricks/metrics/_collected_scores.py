"""The samples of an epoch, kept where a compiled step can keep them."""

from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_positive_int

Tensor = Any

# Counts, and twice the ranks, are exact in float32 up to here.
_MOST_SAMPLES = 1 << 24


class CollectedScores(keras.metrics.Metric):
    """Base of metrics that need all samples of an epoch at once.

    Under jit a variable cannot grow, so the last `max_samples` rows of label,
    score and weight are kept, a place that is not yet taken having weight 0.
    A subclass defines `of_samples`.
    """

    def __init__(self, max_samples: int, name: str, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.max_samples = check_positive_int("max_samples", max_samples)
        if max_samples > _MOST_SAMPLES:
            raise ValueError(
                f"`max_samples` must be at most {_MOST_SAMPLES}, as counts are "
                f"not exact beyond. Received: max_samples={max_samples}"
            )
        kind = keras.backend.result_type(self.dtype, "float32")
        self.rows = self.add_variable(
            (3, max_samples), "zeros", kind, name="rows"
        )
        self.count = self.add_variable((), "zeros", "int32", name="count")
        # One on each device: more than one once they are summed.
        self.devices = self.add_variable((), "zeros", "int32", name="devices")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None
    ) -> None:
        """Add the samples of one batch."""
        label = self._column("y_true", y_true)
        score = self._column("y_pred", y_pred)
        weight = ops.ones_like(score)
        if sample_weight is not None:
            weight = self._column("sample_weight", sample_weight)
        check_as_many(label, score, weight)
        weight = ops.where(weight >= 0, weight, float("nan"))
        # Whatever has no weight is padding, and may be NaN.
        label, score = (
            ops.where(ops.equal(weight, 0), 0.0, x) for x in (label, score)
        )
        batch = ops.stack([label, score, weight])
        rows = ops.concatenate([self.rows, batch], axis=1)
        rows = rows[:, -self.max_samples :]
        self.rows.assign(ops.reshape(rows, (3, self.max_samples)))
        count = self.count + ops.cast(ops.shape(score)[0], "int32")
        self.count.assign(ops.minimum(count, self.max_samples + 1))
        self.devices.assign(ops.ones((), "int32"))

    def _column(self, name: str, x: Any) -> Tensor:
        x = ops.cast(ops.convert_to_tensor(x), self.rows.dtype)
        shape = tuple(x.shape)
        if len(shape) != 1 and (len(shape) != 2 or shape[1] != 1):
            raise ValueError(
                f"`{name}` must have shape `(batch,)` or `(batch, 1)`, a "
                f"number for each sample. Received: {name} of shape {shape}"
            )
        return ops.reshape(x, (-1,))

    def result(self) -> Any:
        """The metric of all samples since the last reset."""
        whole = (self.count <= self.max_samples) & (self.devices <= 1)
        rows = ops.convert_to_tensor(self.rows)
        rows = ops.where(whole, rows, float("nan"))
        return self.of_samples(rows[0], rows[1], rows[2])

    def of_samples(self, label: Tensor, score: Tensor, weight: Tensor) -> Any:
        """The metric of weighed samples; NaN if any of the numbers is."""
        raise NotImplementedError

    def get_config(self) -> dict:
        config = super().get_config()
        config.update({"max_samples": self.max_samples})
        return config


def check_as_many(*columns: Tensor) -> None:
    sizes = [x.shape[0] for x in columns]
    if len({size for size in sizes if size is not None}) > 1:
        raise ValueError(
            "`y_true`, `y_pred` and `sample_weight` must have as many samples. "
            f"Received: {sizes} samples"
        )
