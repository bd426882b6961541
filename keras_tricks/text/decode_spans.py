"""From scores of token pairs to spans of text."""

from bisect import bisect_left
from bisect import insort
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_tricks._arrays import real_array
from keras_tricks._checks import check_flag
from keras_tricks._checks import check_list
from keras_tricks._checks import check_number
from keras_tricks._span_factors import read_shape
from keras_tricks._span_factors import split_factors
from keras_tricks.text.span import Span
from keras_tricks.text.span import read_texts


def decode_spans(
    scores: Any,
    texts: Sequence[str],
    offsets: Any,
    labels: Sequence[str],
    threshold: float = 0.0,
    allow_overlap: bool = True,
) -> list[list[Span]]:
    """Map scores of token pairs to the spans of each text above a threshold.

    Args:
        scores: Scores `(batch, num_types, length, length)`, as the span layers
            give; axis 2 is the start token, axis 3 the end token. Or the
            factors that `EfficientGlobalPointer(factored=True)` gives, in which
            case only start tokens that can have a span are looked at.
        texts: The `batch` texts.
        offsets: Integers `(batch, length, 2)`: start and end (exclusive) of
            each token in its text; start = end for tokens without characters
            (special tokens, padding), which are never part of a span's ends.
        labels: Names of the `num_types` types.
        threshold: A span is extracted where its score is above. Defaults to
            `0.0`.
        allow_overlap: True keeps every span, nested ones included. False keeps
            a flat set: by falling score, each span that shares no character
            with one kept before, whatever its label. Defaults to `True`.

    Returns:
        For each text its spans in reading order (start, then the longer one
        first, then label). Token pairs that cover the same characters under
        the same label are one span, with the best score.

    Raises:
        ValueError: If shapes do not fit each other.

    Example:

    >>> import numpy as np
    >>> from keras_tricks.text import decode_spans
    >>> scores = np.full((1, 1, 2, 2), -3.0)
    >>> scores[0, 0, 0, 1] = 1.5
    >>> decode_spans(scores, ["New York"], [[(0, 3), (4, 8)]], ["place"])
    [[Span(start=0, end=8, label='place', text='New York', score=1.5)]]
    """
    scores = real_array("scores", scores)
    offsets = real_array("offsets", offsets)
    texts = read_texts(texts)
    check_flag("allow_overlap", allow_overlap)
    labels = check_list("labels", labels, str, "a list of names")
    check_number("threshold", threshold, lambda t: not np.isnan(t), "a number")
    _check_shapes(scores, texts, offsets, labels)
    decoded = []
    for text, score, offset in zip(texts, scores, offsets, strict=True):
        best: dict[tuple, float] = {}
        for key, value in _pairs(score, offset, threshold):
            best[key] = max(value, best.get(key, value))
        spans = [
            Span(start, end, labels[kind], text[start:end], value)
            for (start, end, kind), value in best.items()
        ]
        if not allow_overlap:
            spans = drop_overlaps(spans)
        decoded.append(sort_spans(spans))
    return decoded


def sort_spans(spans: list[Span]) -> list[Span]:
    """Reading order: start, then the longer one first, then label."""
    return sorted(spans, key=lambda s: (s.start, -s.end, s.label))


def drop_overlaps(spans: list[Span]) -> list[Span]:
    """Keep, by falling score, what shares no character with a kept span."""
    kept: list[tuple[int, int]] = []
    flat = []
    for span in sorted(spans, key=lambda s: (-s.score, s.start, s.end)):
        at = bisect_left(kept, (span.start, span.end))
        clear_before = at == 0 or kept[at - 1][1] <= span.start
        clear_after = at == len(kept) or kept[at][0] >= span.end
        if clear_before and clear_after:
            insort(kept, (span.start, span.end))
            flat.append(span)
    return flat


def _pairs(score: np.ndarray, offset: np.ndarray, threshold: float) -> Any:
    """Yield `((start, end, type), score)` of the pairs above the threshold."""
    if score.ndim == 3:
        kinds, first, last = np.nonzero(score > threshold)
        values = score[kinds, first, last].astype(float)
    else:
        kinds, first, last, values = _factored_pairs(score, threshold)
    starts, ends = offset[first, 0], offset[last, 1]
    written = (offset[first, 1] > starts) & (ends > offset[last, 0])
    real = written & (ends > starts)
    keys = np.stack([starts, ends, kinds], axis=-1)[real].tolist()
    return zip(map(tuple, keys), values[real].tolist(), strict=True)


def _factored_pairs(
    packed: np.ndarray, threshold: float, at_once: int = 4096
) -> tuple[np.ndarray, ...]:
    """Types, starts, ends and scores above the threshold, exactly."""
    c, s, e = split_factors(packed)
    best = c.max(axis=1)[:, None] + s + e.max(axis=0)
    # Rounding may put a sum above a bound that is rounded otherwise.
    slack = 1e-5 * (
        np.abs(c.max(axis=1))[:, None] + np.abs(s) + np.abs(e).max()
    )
    starts, kinds = np.nonzero(best > threshold - slack)
    found = []
    for begin in range(0, len(starts), at_once):
        start, kind = (x[begin : begin + at_once] for x in (starts, kinds))
        scores = c[start] + s[start, kind][:, None] + e.T[kind]
        row, end = np.nonzero(scores > threshold)
        values = scores[row, end].astype(float)
        found.append((kind[row], start[row], end, values))
    if not found:
        none = np.zeros(0, int)
        return none, none, none, np.zeros(0)
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))


def _check_shapes(
    scores: np.ndarray, texts: Any, offsets: np.ndarray, labels: Any
) -> None:
    num_types, length, _ = read_shape(scores, "scores")
    batch = len(scores)
    found = (len(texts), len(labels), offsets.shape)
    if found != (batch, num_types, (batch, length, 2)):
        raise ValueError(
            "`texts`, `labels` and `offsets` must fit `scores`, of shape "
            f"{scores.shape}. Received: {found[0]} texts, {found[1]} labels, "
            f"offsets of shape {found[2]}"
        )
