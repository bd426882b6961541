"""Hits, findings and labels as precision, recall and F1, in all and by name."""

from collections import Counter
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from keras_tricks._checks import check_list


def score_findings(
    predicted: Sequence[Sequence[Any]],
    labelled: Sequence[Sequence[Any]],
    read: Callable[[Any], tuple],
    noun: str,
) -> dict[str, float]:
    """Count what the texts' findings and labels share.

    Args:
        predicted: For each text its findings.
        labelled: For each text its labels.
        read: Maps one of either to a tuple that two equal ones share, its
            name last.
        noun: What they are called in an error.
    """
    for name, value in (("predicted", predicted), ("labelled", labelled)):
        check_list(
            name,
            value,
            (list, tuple, set, frozenset),
            f"a list with a list of {noun} for each text",
        )
    if len(predicted) != len(labelled):
        raise ValueError(
            f"`predicted` and `labelled` must hold the {noun} of the same "
            f"texts. Received: {len(predicted)} and {len(labelled)} texts"
        )
    found = _numbered("predicted", predicted, read)
    gold = _numbered("labelled", labelled, read)
    hits = Counter(key[-1] for key in found & gold)
    made = Counter(key[-1] for key in found)
    real = Counter(key[-1] for key in gold)
    scores = _ratios(hits.total(), made.total(), real.total())
    for name in sorted(made | real, key=str):
        ratios = _ratios(hits[name], made[name], real[name])
        scores |= {f"{key}/{name}": value for key, value in ratios.items()}
    return scores


def _numbered(
    name: str, rows: Sequence[Sequence[Any]], read: Callable[[Any], tuple]
) -> set[tuple]:
    try:
        return {
            (row, *read(one))
            for row, of_text in enumerate(rows)
            for one in of_text
        }
    except ValueError as error:
        raise ValueError(f"In `{name}`: {error}") from error


def _ratios(hits: int, predicted: int, labelled: int) -> dict[str, float]:
    total = predicted + labelled
    return {
        "f1": 2 * hits / total if total else 0.0,
        "precision": hits / predicted if predicted else 0.0,
        "recall": hits / labelled if labelled else 0.0,
    }
