"""From scores of token pairs to spans of text."""

from bisect import bisect_left
from bisect import insort
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_tricks._checks import check_rank
from keras_tricks.text.span import Span


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
            give; axis 2 is the start token, axis 3 the end token.
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
    scores = np.asarray(scores)
    offsets = np.asarray(offsets)
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
    kinds, first, last = np.nonzero(score > threshold)
    values = score[kinds, first, last].astype(float)
    starts, ends = offset[first, 0], offset[last, 1]
    written = (offset[first, 1] > starts) & (ends > offset[last, 0])
    real = written & (ends > starts)
    keys = np.stack([starts, ends, kinds], axis=-1)[real].tolist()
    return zip(map(tuple, keys), values[real].tolist(), strict=True)


def _check_shapes(
    scores: np.ndarray, texts: Any, offsets: np.ndarray, labels: Any
) -> None:
    batch, num_types, length, _ = check_rank(
        "scores", scores.shape, 4, "(batch, num_types, length, length)"
    )
    found = (len(texts), len(labels), offsets.shape)
    if found != (batch, num_types, (batch, length, 2)):
        raise ValueError(
            "`texts`, `labels` and `offsets` must fit `scores`, of shape "
            f"{scores.shape}. Received: {found[0]} texts, {found[1]} labels, "
            f"offsets of shape {found[2]}"
        )
