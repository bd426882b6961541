"""Precision, recall and F1 of spans, counted on the texts themselves."""

from collections.abc import Sequence
from typing import Any

from keras_tricks.text._counts import score_findings
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
    return score_findings(
        predicted, labelled, lambda span: read_span(span)[:3], "spans"
    )
