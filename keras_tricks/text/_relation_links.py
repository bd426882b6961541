"""Which stretches of one text could be related, and which of them are."""

from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

import numpy as np

from keras_tricks._span_factors import read_shape
from keras_tricks._span_factors import split_factors
from keras_tricks.text.relation import ROLES
from keras_tricks.text.span import Span

# Scores gathered at a time: what decoding adds to the memory of its result.
_AT_ONCE = 1 << 20


class Candidates(NamedTuple):
    """Stretches of a text, with their first and last tokens and scores."""

    spans: list[Span]
    first: np.ndarray
    last: np.ndarray
    score: np.ndarray


def find_candidates(
    entities: np.ndarray, text: str, offset: np.ndarray, threshold: float
) -> tuple[Candidates, ...]:
    """What could be a subject, and what an object."""
    (written,) = np.nonzero(offset[:, 1] > offset[:, 0])
    first, last = (
        np.repeat(written, len(written)),
        np.tile(written, len(written)),
    )
    forward = offset[last, 1] > offset[first, 0]
    first, last = first[forward], last[forward]
    found = []
    for role, score in zip(
        ROLES, take_scores(entities, first, last), strict=True
    ):
        real = score > threshold
        places = zip(
            offset[first[real], 0].tolist(),
            offset[last[real], 1].tolist(),
            score[real].astype(float).tolist(),
            strict=True,
        )
        spans = [Span(a, b, role, text[a:b], value) for a, b, value in places]
        found.append(Candidates(spans, first[real], last[real], score[real]))
    return tuple(found)


def find_links(
    heads: np.ndarray,
    tails: np.ndarray,
    subjects: Candidates,
    objects: Candidates,
    threshold: float,
) -> Iterator[tuple[int, int, int, float]]:
    """Yield `(predicate, subject, object, score)`, the ends by their number."""
    num_pairs = len(subjects.spans) * len(objects.spans)
    step = max(1, _AT_ONCE // _num_types(heads))
    for start in range(0, num_pairs, step):
        pairs = np.arange(start, min(start + step, num_pairs))
        s, o = np.divmod(pairs, len(objects.spans))
        link = np.minimum(
            take_scores(heads, subjects.first[s], objects.first[o]),
            take_scores(tails, subjects.last[s], objects.last[o]),
        )
        kind, at = np.nonzero(link > threshold)
        s, o = s[at], o[at]
        ends = np.minimum(subjects.score[s], objects.score[o])
        score = np.minimum(link[kind, at], ends).astype(float)
        columns = (column.tolist() for column in (kind, s, o, score))
        yield from zip(*columns, strict=True)


def take_scores(scores: np.ndarray, first: Any, last: Any) -> np.ndarray:
    """Scores `(num_types, n)` of `n` token pairs, of one text.

    The one place that knows that scores are `(num_types, length, length)`, or
    factors `(length, length + 2 · num_types)`.
    """
    if scores.ndim == 3:
        return scores[:, first, last]
    span, start, end = split_factors(scores)
    return span[first, last] + start.T[:, first] + end.T[:, last]


def _num_types(scores: np.ndarray) -> int:
    return read_shape(scores[None])[0]
