"""Hits, predictions and labels of a batch of span scores."""

from typing import Any

from keras import ops

from keras_tricks._span_factors import read_shape
from keras_tricks._span_factors import scores_at
from keras_tricks._span_factors import unpack
from keras_tricks._span_pairs import by_type
from keras_tricks._span_pairs import spans_of
from keras_tricks._span_pairs import unique_spans

Tensor = Any


def count_dense(y_true: Tensor, y_pred: Tensor, threshold: float) -> Tensor:
    """`[hits, predicted, labelled]` of each type, `(num_types, 3)`."""
    if tuple(y_true.shape)[1:] != tuple(y_pred.shape)[1:]:
        raise ValueError(
            "Dense `y_true` must have the shape of `y_pred`. Received: "
            f"y_true of shape {tuple(y_true.shape)}, y_pred of shape "
            f"{tuple(y_pred.shape)}"
        )
    predicted = y_pred > threshold
    labelled = ops.cast(y_true, "float32") > 0.5
    flags = (labelled & predicted, predicted, labelled)
    return ops.stack([_count(flag, (0, 2, 3)) for flag in flags], axis=-1)


def count_sparse(
    y_true: Tensor, y_pred: Tensor, threshold: float
) -> tuple[Tensor, Tensor]:
    """The same from sparse labels, for dense scores or factors.

    Returns:
        The counts, and of each type (and of none, last) how many labels are
        neither padding nor inside the scores, `(num_types + 1,)`.
    """
    num_types, length, factored = read_shape(y_pred)
    index, is_span, misfits = unique_spans(y_true, num_types, length)
    kind, start, end = spans_of(index, length)
    if factored:
        y_pred = ops.cast(y_pred, "float32")
        score = scores_at(y_pred, kind, start, end)
        predicted = count_factored(y_pred, threshold)
    else:
        flat = ops.reshape(y_pred, (-1, num_types * length * length))
        score = ops.take_along_axis(flat, index, axis=1)
        predicted = _count(y_pred > threshold, (0, 2, 3))
    labelled = by_type(kind, is_span, num_types)
    hits = labelled & (score > threshold)[..., None]
    counts = [_count(hits, (0, 1)), predicted, _count(labelled, (0, 1))]
    return ops.stack(counts, axis=-1), ops.sum(misfits, axis=0)


def count_factored(packed: Tensor, threshold: float) -> Tensor:
    """How many pairs of each type score above the threshold, exactly.

    One type at a time, `length²` numbers each; a type whose best conceivable
    score is too low is not looked at.
    """
    c, s, e = unpack(packed)
    top_c = ops.max(c, axis=2)

    def of_type(factors: tuple[Tensor, Tensor]) -> Tensor:
        start, end = factors
        best = top_c + start + ops.max(end, axis=1, keepdims=True)
        return ops.cond(
            ops.any(best > threshold),
            lambda: _count(
                c + start[:, :, None] + end[:, None, :] > threshold, (0, 1, 2)
            ),
            lambda: ops.zeros((), "int32"),
        )

    columns = ops.transpose(s, (2, 0, 1)), ops.transpose(e, (2, 0, 1))
    return ops.map(of_type, columns)


def _count(flags: Tensor, axis: tuple[int, ...]) -> Tensor:
    return ops.sum(ops.cast(flags, "int32"), axis=axis)
