"""The two terms of the span loss, from dense and from factored scores.

Labels come as `unique_spans` reads them: `index` and `is_span`, both
`(batch, num_spans)`, sorted by type, start and end.
"""

from typing import Any

from keras import ops

from keras_tricks._span_factors import sizes
from keras_tricks._span_factors import unpack
from keras_tricks._span_pairs import by_type
from keras_tricks._span_pairs import spans_of
from keras_tricks.losses._row_sums import row_log_sums
from keras_tricks.losses._zero_bounded import log1p_sum_exp
from keras_tricks.losses._zero_bounded import log_sum_exp

Tensor = Any
_NEVER = -float("inf")


def dense_terms(scores: Tensor, index: Tensor, is_span: Tensor) -> Tensor:
    """The loss of each text and type, `(batch, num_types)`."""
    batch, num_types, length = ops.shape(scores)[:3]
    pairs = num_types * length * length
    flat = ops.reshape(scores, (batch, pairs))
    score = ops.take_along_axis(flat, index, axis=1)
    kind = index // (length * length)
    labelled = ops.reshape(
        mark(index, is_span, pairs), (batch, num_types, length, length)
    )
    rest = ops.where(labelled, _NEVER, scores)
    return positive_term(score, kind, is_span, num_types) + log1p_sum_exp(
        rest, axis=(-2, -1)
    )


def factored_terms(packed: Tensor, index: Tensor, is_span: Tensor) -> Tensor:
    """The same from factors, in `length · (length + num_types)` memory.

    Start tokens without a label of the type are summed by `row_log_sums`. One
    that has a label is summed pair by pair, the labelled pairs left out, so
    that no large positive is ever subtracted.
    """
    length, num_types = sizes(packed)
    c, s, e = unpack(packed)
    kind, start, end = spans_of(index, length)

    labelled = mark(start * num_types + kind, is_span, length * num_types)
    labelled = ops.reshape(labelled, ops.shape(s))
    rows = s + row_log_sums(c, e, s, ~labelled)
    rows = ops.where(labelled, _NEVER, rows)

    row, first = labelled_rows(kind, start, is_span)
    others = take_rows(c, start) + take_rows(ops.swapaxes(e, 1, 2), kind)
    num_spans = ops.shape(index)[1]
    taken = mark(row * length + end, is_span, num_spans * length)
    taken = take_rows(ops.reshape(taken, (-1, num_spans, length)), row)
    start_score = ops.take_along_axis(
        ops.reshape(s, (-1, length * num_types)),
        start * num_types + kind,
        axis=1,
    )
    score = ops.take_along_axis(others, end[..., None], axis=2)[..., 0]
    score = start_score + score
    again = start_score + log_sum_exp(ops.where(taken, _NEVER, others), axis=-1)
    again = ops.where(by_type(kind, first, num_types), again[..., None], _NEVER)
    negative = log1p_sum_exp(ops.concatenate([rows, again], axis=1), axis=1)
    return positive_term(score, kind, is_span, num_types) + negative


def positive_term(
    score: Tensor, kind: Tensor, is_span: Tensor, num_types: int
) -> Tensor:
    """`log(1 + Σ_P e^−s)` of each text and type, `(batch, num_types)`."""
    mine = by_type(kind, is_span, num_types)
    return log1p_sum_exp(ops.where(mine, -score[..., None], _NEVER), axis=1)


def labelled_rows(
    kind: Tensor, start: Tensor, is_span: Tensor
) -> tuple[Tensor, Tensor]:
    """Number the distinct (type, start) of sorted spans.

    Returns:
        The number of each span's row, and whether it is the row's first.
    """
    # Sorted, so a row's spans follow one another, repeats in between.
    new = (kind[:, 1:] != kind[:, :-1]) | (start[:, 1:] != start[:, :-1])
    new = ops.pad(new, ((0, 0), (1, 0)), constant_values=True)
    first = is_span & new
    row = ops.cumsum(ops.cast(first, "int32"), axis=1) - 1
    return ops.maximum(row, 0), first


def take_rows(x: Tensor, row: Tensor) -> Tensor:
    """Gather `x[b, row[b, n]]` from `(batch, rows, width)`.

    By whole rows: the gradient of `take_along_axis` is scattered number by
    number.
    """
    batch, rows, width = ops.shape(x)
    first = rows * ops.arange(batch, dtype="int32")[:, None]
    flat = ops.reshape(x, (batch * rows, width))
    taken = ops.take(flat, ops.reshape(first + row, (-1,)), axis=0)
    return ops.reshape(taken, (batch, -1, width))


def mark(place: Tensor, chosen: Tensor, num_places: int | Tensor) -> Tensor:
    """Mark the chosen `(batch, n)` places in booleans `(batch, num_places)`."""
    batch = ops.shape(place)[0]
    # Those not chosen repeat the last that is, or, without any, write the 0
    # that is there: every write to one place writes one value.
    last = ops.max(ops.where(chosen, place, 0), axis=1, keepdims=True)
    some = ops.any(chosen, axis=1, keepdims=True)
    row = ops.arange(batch, dtype="int32")[:, None] + 0 * place
    places = ops.stack([row, ops.where(chosen, place, last)], axis=-1)
    marks = ops.cast(some, "int32") + 0 * place
    marked = ops.scatter_update(
        ops.zeros((batch, num_places), "int32"),
        ops.reshape(places, (-1, 2)),
        ops.reshape(marks, (-1,)),
    )
    return marked > 0
