"""Zero-bounded cross-entropy of span scores with sparse labels."""

from typing import Any

import keras
from keras import ops

from keras_tricks._checks import REDUCTIONS
from keras_tricks._checks import check_choice
from keras_tricks._checks import check_rank
from keras_tricks._checks import check_same_batch
from keras_tricks._span_factors import read_shape
from keras_tricks._span_pairs import unique_spans
from keras_tricks.losses._span_terms import dense_terms
from keras_tricks.losses._span_terms import factored_terms
from keras_tricks.losses._zero_bounded import at_least_float32

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class SpanCrossentropy(keras.losses.Loss):
    """Maps sparse span labels and span scores to one loss per text.

    For each text and type `a`, with `P` its labelled (start, end) pairs

    ```
    L_a = log(1 + Σ_{(i,j) ∈ P} e^(−s[a,i,j]))
          + log(1 + Σ_{(i,j) ∉ P} e^(s[a,i,j]))
    ```

    which is `MultilabelCrossentropy` over the pairs, with labels as a short
    list where a dense target would hold `num_types · length²` numbers. The
    value for a text is the mean of `L_a` over the types, or their sum.

    The labelled pairs are taken out of the second sum before it is summed. The
    published sparse form takes `log(Σ_all − Σ_P)` afterwards and clips, which
    is wrong once a positive score passes about 15: the gradient then pushes
    that score down and no longer sees the negatives.

    Args:
        type_reduction: `"mean"` over types, as the source does for entities, or
            `"sum"`, as it does for relations. Defaults to `"mean"`.
        reduction: As in `keras.losses.Loss`, over the texts. Defaults to
            `"sum_over_batch_size"`.
        name: Optional name. Defaults to `"span_crossentropy"`.
        dtype: Dtype of the computation; half precision is raised to float32.
            Defaults to `None`.

    Call arguments:
        y_true: Integers `(batch, num_spans, 3)`, each row `[type, start, end]`
            with inclusive token positions, padded with rows of −1. Repeated
            rows count once. `num_spans` may be 0.
        y_pred: Scores `(batch, num_types, length, length)`, forbidden pairs
            already at their large negative constant, as the span layers give.

    Returns:
        One value ≥ 0 per text, reduced by `reduction`. A label outside the
        scores makes its text's loss NaN (a silent answer would be a wrong
        one); one on a forbidden pair makes it as large as the constant.

    Raises:
        ValueError: If `y_true` or `y_pred` has another rank, or the scores
            have more than 2³¹ pairs per text.

    Example:

    >>> import keras
    >>> from keras_tricks.losses import SpanCrossentropy
    >>> scores = -2.0 * keras.ops.ones((1, 2, 4, 4))
    >>> labels = keras.ops.array([[[0, 1, 2], [-1, -1, -1]]])
    >>> round(float(SpanCrossentropy()(labels, scores)), 4)
    2.1939

    Reference:
        Su Jianlin, 2020, https://kexue.fm/archives/7359 (the loss), 2021,
        https://kexue.fm/archives/8373 (on spans), 2022,
        https://kexue.fm/archives/8888 (sparse labels).
    """

    def __init__(
        self,
        type_reduction: str = "mean",
        reduction: str | None = "sum_over_batch_size",
        name: str = "span_crossentropy",
        dtype: Any = None,
    ):
        dtype = at_least_float32(dtype)
        check_choice("reduction", reduction, REDUCTIONS)
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.type_reduction = check_choice(
            "type_reduction", type_reduction, ("mean", "sum")
        )

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y_true = ops.convert_to_tensor(y_true)
        y_pred = ops.convert_to_tensor(y_pred)
        num_types, length, factored = read_shape(y_pred)
        check_rank("y_true", y_true.shape, 3, "(batch, num_spans, 3)")
        check_same_batch(y_true, y_pred)
        index, is_span, misfits = unique_spans(y_true, num_types, length)
        terms = factored_terms if factored else dense_terms
        loss = terms(y_pred, index, is_span)
        reduce = ops.mean if self.type_reduction == "mean" else ops.sum
        misfit = ops.any(misfits > 0, axis=-1)
        return ops.where(misfit, float("nan"), reduce(loss, axis=-1))

    def get_config(self) -> dict:
        config = super().get_config()
        config.update(
            {"type_reduction": self.type_reduction, "dtype": self.dtype}
        )
        return config
