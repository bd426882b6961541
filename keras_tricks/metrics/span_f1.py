"""Precision, recall and F1 of extracted spans over a whole epoch."""

import math
from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_choice
from keras_tricks._checks import check_number
from keras_tricks._checks import check_positive_int
from keras_tricks._checks import check_same_batch
from keras_tricks._span_factors import read_shape
from keras_tricks.metrics._span_counts import count_dense
from keras_tricks.metrics._span_counts import count_sparse

Tensor = Any

# Counts are kept as high · 2²⁴ + low in int32: exact up to 2⁵⁵, where a
# float32 count stops at 2²⁴, and untrained scores predict millions of spans
# in a batch.
_BASE = 1 << 24


@keras.saving.register_keras_serializable(package="keras_tricks")
class SpanF1(keras.metrics.Metric):
    """Maps span labels and scores to precision, recall and F1.

    Counts over all batches since the last reset, not the mean of batch scores:

    ```
    precision = hits / predicted    recall = hits / labelled
    F1 = 2 · hits / (predicted + labelled)
    ```

    A span is predicted where its score is above `threshold`; a hit is a
    predicted pair of that type, start and end that is labelled. A ratio whose
    denominator is 0 is 0, so an epoch without labels or predictions has an F1
    of 0, not a perfect one.

    It knows the spans that reached the model. A label that tokenisation or
    truncation lost is not in `y_true`; `keras_tricks.text.score_spans` counts
    on the texts themselves.

    Args:
        average: `"micro"` over all spans; `"macro"`, the mean over the types
            that were labelled or predicted at least once; or `None`, one value
            for each type. Defaults to `"micro"`.
        num_types: Number of types; needed unless `average="micro"`. Defaults to
            `None`.
        threshold: A span is predicted where its score is above. Defaults to
            `0.0`.
        name: Name, and prefix of the results. Defaults to `"span"`.
        dtype: Dtype of the results. Defaults to `None`.

    Call arguments:
        y_true: Integers `(batch, num_spans, 3)` of `[type, start, end]`, padded
            with rows of −1, repeated rows counting once; or dense 0/1 labels of
            the shape of `y_pred`. A sparse label outside the scores counts as
            labelled and never found (for its type if that is in range, for
            `"micro"` in any case).
        y_pred: Scores `(batch, num_types, length, length)`, or the factors
            that `EfficientGlobalPointer(factored=True)` gives, counted in
            memory that does not grow with types × length².

    Returns:
        `result()` is a dict with `<name>_f1`, `<name>_precision` and
        `<name>_recall`: scalars, or vectors `(num_types,)` for `average=None`.

    Raises:
        ValueError: If an argument is out of range, shapes do not fit, or a
            `sample_weight` is given: spans are counted, not weighed.

    Example:

    >>> import keras
    >>> from keras_tricks.metrics import SpanF1
    >>> scores = keras.ops.array([[[[1.0, 2.0], [-9.0, -9.0]]]])
    >>> metric = SpanF1()
    >>> metric.update_state([[[0, 0, 1], [0, 1, 1]]], scores)
    >>> {k: float(v) for k, v in metric.result().items()}
    {'span_f1': 0.5, 'span_precision': 0.5, 'span_recall': 0.5}
    """

    def __init__(
        self,
        average: str | None = "micro",
        num_types: int | None = None,
        threshold: float = 0.0,
        name: str = "span",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.average = check_choice(
            "average", average, ("micro", "macro", None)
        )
        if num_types is not None or average != "micro":
            check_positive_int("num_types", num_types)
        self.num_types = num_types
        self.threshold = float(
            check_number(
                "threshold",
                threshold,
                lambda t: not math.isnan(t),
                "a number",
            )
        )
        shape = (3,) if average == "micro" else (num_types, 3)
        self.high = self.add_variable(shape, "zeros", "int32", name="high")
        self.low = self.add_variable(shape, "zeros", "int32", name="low")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None
    ) -> None:
        """Add one batch to the counts."""
        if sample_weight is not None:
            raise ValueError(
                "`SpanF1` counts spans and takes no `sample_weight`. Instead, "
                "pass it in `metrics`, not in `weighted_metrics`."
            )
        y_true = ops.convert_to_tensor(y_true)
        y_pred = ops.convert_to_tensor(y_pred)
        num_types, _, factored = read_shape(y_pred)
        known = isinstance(num_types, int) and self.num_types is not None
        if known and self.num_types != num_types:
            raise ValueError(
                f"`y_pred` must have the {self.num_types} types that "
                f"`num_types` says. Received: y_pred of shape "
                f"{tuple(y_pred.shape)}, {num_types} types"
            )
        if len(y_true.shape) in (3, 4):
            check_same_batch(y_true, y_pred)
        if len(y_true.shape) == 4 and not factored:
            self._add(count_dense(y_true, y_pred, self.threshold))
        else:
            self._add(*count_sparse(y_true, y_pred, self.threshold))

    def _add(self, counts: Tensor, misfits: Tensor | None = None) -> None:
        if misfits is not None:
            # Labelled, and nothing else; those of no type count in "micro".
            column = ops.array([[0, 0, 1]], "int32")
            counts = ops.pad(counts, ((0, 1), (0, 0)))
            counts = counts + misfits[:, None] * column
        if self.average == "micro":
            counts = ops.sum(counts, axis=0)
        elif misfits is not None:
            counts = counts[:-1]
        low = self.low + counts
        self.high.assign(self.high + low // _BASE)
        self.low.assign(low % _BASE)

    def result(self) -> dict[str, Tensor]:
        """Precision, recall and F1 of what was counted since the last reset."""
        high, low = (ops.cast(v, self.dtype) for v in (self.high, self.low))
        counts = high * _BASE + low
        hits, predicted, labelled = (counts[..., i] for i in range(3))
        scores = {
            "f1": ops.divide_no_nan(2 * hits, predicted + labelled),
            "precision": ops.divide_no_nan(hits, predicted),
            "recall": ops.divide_no_nan(hits, labelled),
        }
        if self.average == "macro":
            seen = ops.cast(predicted + labelled > 0, self.dtype)
            scores = {
                key: ops.divide_no_nan(ops.sum(value * seen), ops.sum(seen))
                for key, value in scores.items()
            }
        return {f"{self.name}_{key}": value for key, value in scores.items()}

    def get_config(self) -> dict:
        config = super().get_config()
        config.update(
            {
                "average": self.average,
                "num_types": self.num_types,
                "threshold": self.threshold,
            }
        )
        return config
