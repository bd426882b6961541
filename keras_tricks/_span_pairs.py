"""What span layers, losses and metrics agree on about (start, end) pairs."""

from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_rank

Tensor = Any


def forbidden_score(dtype: Any) -> float:
    """The score of a pair that can never be a span, finite in `dtype`.

    Finite, so that sums and products of masked scores never give NaN, and so
    low that `exp` of it is 0 in every dtype.
    """
    return -3e4 if keras.backend.standardize_dtype(dtype) == "float16" else -1e9


def forbid_pairs(scores: Tensor, mask: Tensor | None, ordered: bool) -> Tensor:
    """Set forbidden pairs of `(batch, types, start, end)` scores.

    Args:
        scores: Float tensor `(batch, num_types, length, length)`.
        mask: `None`, or a tensor `(batch, length)`, true where a token may be
            the start or the end of a span.
        ordered: Whether an end before its start is forbidden.
    """
    allowed = None
    if ordered:
        position = ops.arange(0, ops.shape(scores)[-1])
        allowed = position[:, None] <= position[None, :]
    if mask is not None:
        mask = ops.cast(mask, "bool")
        real = ops.logical_and(mask[:, None, :, None], mask[:, None, None, :])
        allowed = real if allowed is None else ops.logical_and(allowed, real)
    if allowed is None:
        return scores
    constant = ops.cast(forbidden_score(scores.dtype), scores.dtype)
    return ops.where(allowed, scores, constant)


def unique_spans(
    spans: Tensor, num_types: int | Tensor, length: int | Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Read padded labels: every span once, padding and misfits told apart.

    Args:
        spans: Tensor `(batch, num_spans, 3)` of `[type, start, end]`, integers
            in any dtype that holds them; rows of −1 are padding.
        num_types: Number of types of the scores.
        length: Length of the scores.

    Returns:
        `(index, is_span, misfits)`. `index` is an int32 `(batch, num_spans)`:
        `(type · length + start) · length + end`, ascending, then 0 for rows
        that are no span. `is_span` is true once for each distinct span that
        the scores have a place for, at its first place. `misfits` `(batch,
        num_types + 1)` counts the rows that are neither padding nor inside the
        scores, by their type, those of no type last.
    """
    check_labels(spans)
    check_pairs(num_types, length)
    if spans.shape[1] == 0:
        spans = ops.pad(spans, ((0, 0), (0, 1), (0, 0)), constant_values=-1)
    spans = ops.cast(spans, "int32")
    kind, start, end = spans[..., 0], spans[..., 1], spans[..., 2]
    known = (kind >= 0) & (kind < num_types)
    fits = known & (start >= 0) & (start < length) & (end >= 0) & (end < length)
    padding = (kind < 0) & (start < 0) & (end < 0)
    column = ops.where(known, kind, num_types)[..., None]
    misfit = column == ops.arange(num_types + 1, dtype="int32")
    misfit = misfit & ~(fits | padding)[..., None]
    beyond = num_types * length * length
    index = ops.where(fits, (kind * length + start) * length + end, beyond)
    index = ops.sort(index, axis=1)
    repeated = ops.pad(index[:, 1:] == index[:, :-1], ((0, 0), (1, 0)))
    is_span = (index < beyond) & ~repeated
    misfits = ops.sum(ops.cast(misfit, "int32"), axis=1)
    return ops.where(index < beyond, index, 0), is_span, misfits


def spans_of(
    index: Tensor, length: int | Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Type, start and end of an index of `unique_spans`."""
    pair = index % (length * length)
    return index // (length * length), pair // length, pair % length


def by_type(kind: Tensor, chosen: Tensor, num_types: int | Tensor) -> Tensor:
    """Which chosen spans have which type, `(batch, num_spans, num_types)`."""
    mine = kind[..., None] == ops.arange(num_types, dtype="int32")
    return mine & chosen[..., None]


def check_labels(spans: Tensor) -> None:
    """Raise unless `spans` is `(batch, num_spans, 3)`."""
    shape = check_rank("y_true", spans.shape, 3, "(batch, num_spans, 3)")
    if shape[2] != 3:
        raise ValueError(
            "`y_true` must hold rows of `[type, start, end]`. "
            f"Received: y_true of shape {shape}"
        )


def check_pairs(num_types: int | Tensor, length: int | Tensor) -> None:
    """Raise if the pairs of one text cannot be numbered in int32."""
    known = isinstance(length, int) and isinstance(num_types, int)
    if known and num_types * length**2 >= 2**31:
        raise ValueError(
            "`y_pred` must have fewer than 2**31 pairs per text. Received: "
            f"{num_types} types of {length} × {length} pairs"
        )
