"""Character spans ↔ first and last tokens."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np

from keras_tricks.text.span import Span
from keras_tricks.text.span import read_span
from keras_tricks.text.span import read_texts

_TRUNCATED = "beyond the last token read"
_INSIDE = "not on token boundaries"
_APART = "in no single row"
_BLANK = "only white space"


class LostSpan(NamedTuple):
    """A labelled span that no row of tokens can show.

    Attributes:
        text: Index of its text.
        span: The span, as it was given.
        reason: Why it is lost, in words.
    """

    text: int
    span: Span
    reason: str


def align_spans(
    texts: Any, spans: Any, tokenized: Any, labels: Sequence[str]
) -> tuple[np.ndarray, list[LostSpan]]:
    """Map character spans to `[type, first, last]` rows, and list the lost."""
    texts = read_texts(texts)
    if len(spans) != len(texts):
        raise ValueError(
            "`spans` must hold one list of spans for each text. Received: "
            f"{len(spans)} lists for {len(texts)} texts"
        )
    kinds = {label: kind for kind, label in enumerate(labels)}
    rows_of: dict[int, list[int]] = {}
    for row, text in enumerate(tokenized.rows.tolist()):
        rows_of.setdefault(text, []).append(row)
    edges = [_token_edges(offsets) for offsets in tokenized.offsets]
    found: list[list[tuple[int, int, int]]] = [[] for _ in edges]
    lost = []
    for number, (text, of_text) in enumerate(zip(texts, spans, strict=True)):
        rows = rows_of[number]
        for given in of_text:
            span = _checked(given, text, number, kinds)
            start, end = _trim(text, span.start, span.end)
            here = False
            for row in rows:
                first, last = edges[row][0].get(start), edges[row][1].get(end)
                if first is not None and last is not None and start < end:
                    found[row].append((kinds[span.label], first, last))
                    here = True
            if not here:
                reason = _reason(start, end, [edges[row] for row in rows])
                lost.append(LostSpan(number, span, reason))
    return _padded(found), lost


def describe_lost(
    lost: list[LostSpan], total: int, sequence_length: int
) -> str:
    """Say in a sentence what was lost, why, and how to mend it."""
    counts = Counter(span.reason for span in lost)
    reasons = ", ".join(f"{n} {reason}" for reason, n in counts.most_common())
    text, span, reason = lost[0]
    advice = (
        f" Raise `sequence_length={sequence_length}` or `overlap`."
        if counts[_TRUNCATED] or counts[_APART]
        else ""
    )
    return (
        f"{len(lost)} of {total} labelled spans cannot be learnt: {reasons}. "
        f"The first: {tuple(span[:3])} in text {text}, {reason}.{advice} "
        "`lost_spans(texts, spans)` lists them."
    )


def _checked(given: Any, text: str, number: int, kinds: dict) -> Span:
    span = read_span(given)
    if not 0 <= span.start < span.end <= len(text):
        raise ValueError(
            f"`spans[{number}]` must lie inside its text of {len(text)} "
            f"characters, 0 <= start < end <= {len(text)}. Received: "
            f"start={span.start}, end={span.end}"
        )
    if span.label not in kinds:
        raise ValueError(
            f"`spans[{number}]` must be labelled with one of {tuple(kinds)}. "
            f"Received: label={span.label!r}"
        )
    return span._replace(text=text[span.start : span.end])


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave white space at both ends out."""
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip())
    return start, start + len(inside.strip())


def _token_edges(offsets: np.ndarray) -> tuple[dict[int, int], dict[int, int]]:
    """The first token that starts, the last that ends, at a character."""
    tokens = np.nonzero(offsets[:, 1] > offsets[:, 0])[0].tolist()
    starts = {int(offsets[token, 0]): token for token in reversed(tokens)}
    ends = {int(offsets[token, 1]): token for token in tokens}
    return starts, ends


def _reason(start: int, end: int, edges: list[tuple[dict, dict]]) -> str:
    if start == end:
        return _BLANK
    if end > max((max(ends, default=0) for _, ends in edges), default=0):
        return _TRUNCATED
    on_edges = any(start in starts for starts, _ in edges) and any(
        end in ends for _, ends in edges
    )
    return _APART if on_edges else _INSIDE


def _padded(found: list[list[tuple[int, int, int]]]) -> np.ndarray:
    longest = max((len(of_row) for of_row in found), default=0)
    labels = np.full((len(found), max(longest, 1), 3), -1, "int32")
    for row, of_row in enumerate(found):
        if of_row:
            labels[row, : len(of_row)] = of_row
    return labels
