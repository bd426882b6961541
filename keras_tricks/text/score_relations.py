"""Precision, recall and F1 of relations, counted on the texts themselves."""

from collections.abc import Sequence
from typing import Any

from keras_tricks.text._counts import score_findings
from keras_tricks.text.relation import read_relation


def score_relations(
    predicted: Sequence[Sequence[Any]], labelled: Sequence[Sequence[Any]]
) -> dict[str, float]:
    """Map predicted and labelled relations to precision, recall and F1.

    A hit has the same text and predicate, and start and end of both subject
    and object. Every labelled relation counts, those included that
    tokenisation or truncation kept from the model; relations that are repeated
    within a text count once. A ratio with denominator 0 is 0.

    Args:
        predicted: For each text its relations, `(subject, predicate, object,
            ...)` with subject and object `(start, end, ...)`.
        labelled: For each text its labelled relations.

    Returns:
        A dict with `f1`, `precision`, `recall` over all predicates, and the
        same for each predicate as `f1/<predicate>` and so on.

    Raises:
        ValueError: If the two have different lengths or a relation is
            unreadable.

    Example:

    >>> from keras_tricks.text import score_relations
    >>> born, met = ((0, 3), "born in", (16, 22)), ((0, 3), "met", (8, 11))
    >>> scores = score_relations([[born]], [[born, met]])
    >>> scores["precision"], scores["recall"], scores["f1/born in"]
    (1.0, 0.5, 1.0)
    """
    return score_findings(predicted, labelled, _key, "relations")


def _key(relation: Any) -> tuple:
    subject, predicate, obj, _ = read_relation(relation)
    return (*subject[:2], *obj[:2], predicate)
