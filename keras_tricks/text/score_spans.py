"""Precision, recall and F1 of spans, counted on the texts themselves."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from keras_tricks.text.span import read_span


def score_spans(
    predicted: Sequence[Sequence[Any]], labelled: Sequence[Sequence[Any]]
) -> dict[str, float]:
    """Map predicted and labelled spans of texts to precision, recall and F1.

    A hit has the same text, start, end and label. Every labelled span counts,
    those included that tokenisation or truncation kept from the model; spans
    that are repeated within a text count once. A ratio with denominator 0 is 0.

    Args:
        predicted: For each text its spans, `(start, end, label, ...)`.
        labelled: For each text its labelled spans.

    Returns:
        A dict with `f1`, `precision`, `recall` over all labels, and the same
        for each label as `f1/<label>` and so on.

    Raises:
        ValueError: If the two have different lengths or a span is unreadable.

    Example:

    >>> from keras_tricks.text import score_spans
    >>> scores = score_spans(
    ...     [[(0, 5, "city")]], [[(0, 5, "city"), (9, 11, "x")]]
    ... )
    >>> scores["precision"], scores["recall"]
    (1.0, 0.5)
    """
    if len(predicted) != len(labelled):
        raise ValueError(
            "`predicted` and `labelled` must hold the spans of the same texts. "
            f"Received: {len(predicted)} and {len(labelled)} texts"
        )
    found, gold = _numbered(predicted), _numbered(labelled)
    hits = Counter(key[-1] for key in found & gold)
    made = Counter(key[-1] for key in found)
    real = Counter(key[-1] for key in gold)
    scores = _ratios(hits.total(), made.total(), real.total())
    for label in sorted(made | real, key=str):
        ratios = _ratios(hits[label], made[label], real[label])
        scores |= {f"{key}/{label}": value for key, value in ratios.items()}
    return scores


def _numbered(spans: Sequence[Sequence[Any]]) -> set[tuple]:
    return {
        (row, *read_span(span)[:3])
        for row, of_text in enumerate(spans)
        for span in of_text
    }


def _ratios(hits: int, predicted: int, labelled: int) -> dict[str, float]:
    total = predicted + labelled
    return {
        "f1": 2 * hits / total if total else 0.0,
        "precision": hits / predicted if predicted else 0.0,
        "recall": hits / labelled if labelled else 0.0,
    }
