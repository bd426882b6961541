"""Relations between character spans ↔ first and last tokens."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np

from keras_tricks.text._align import LostSpan
from keras_tricks.text._align import align_spans
from keras_tricks.text.relation import ROLES
from keras_tricks.text.relation import Relation
from keras_tricks.text.relation import read_relations
from keras_tricks.text.span import read_texts

_APART = "subject and object in no single row"

Flat = list[tuple[int, Relation]]
# Labels of a row, each once, in order.
Places = dict[tuple[int, int, int], None]


class LostRelation(NamedTuple):
    """A labelled relation that no row of tokens can show.

    Attributes:
        text: Index of its text.
        relation: The relation, as it was given.
        reason: Why it is lost, in words.
    """

    text: int
    relation: Relation
    reason: str


def align_relations(
    texts: Any, relations: Any, tokenized: Any, predicates: Sequence[str]
) -> tuple[dict[str, np.ndarray], list[LostRelation]]:
    """Map relations to rows of entities, heads and tails; list the lost."""
    texts = read_texts(texts)
    read = read_relations(relations, texts, predicates)
    flat = [(n, one) for n, of_text in enumerate(read) for one in of_text]
    kinds = {predicate: kind for kind, predicate in enumerate(predicates)}
    owners, rows, ends, lost = _align_ends(texts, flat, tokenized)
    labels: dict[str, list[Places]] = {
        name: [{} for _ in tokenized.rows]
        for name in ("entities", "heads", "tails")
    }
    entities, heads, tails = labels.values()
    shown = set()
    for owner, row, places in zip(owners, rows, ends.tolist(), strict=True):
        here = [tuple(place) for place in places if place[0] >= 0]
        entities[row] |= dict.fromkeys(here)
        if len(here) == 2:
            (_, sh, st), (_, oh, ot) = here
            kind = kinds[flat[owner][1].predicate]
            heads[row][kind, sh, oh] = tails[row][kind, st, ot] = None
            shown.add(owner)
    return (
        {name: _padded(found) for name, found in labels.items()},
        _lost_relations(flat, shown, lost),
    )


def describe_lost_relations(
    lost: list[LostRelation], total: int, sequence_length: int
) -> str:
    """Say in a sentence what was lost, why, and how to mend it."""
    counts = Counter(relation.reason for relation in lost)
    reasons = ", ".join(f"{n} {reason}" for reason, n in counts.most_common())
    text, (subject, predicate, obj, _), reason = lost[0]
    return (
        f"{len(lost)} of {total} labelled relations cannot be learnt: "
        f"{reasons}. The first: {(subject.text, predicate, obj.text)} in text "
        f"{text}, {reason}. A longer `sequence_length={sequence_length}` or "
        "`overlap` shows more of a text. `lost_relations(texts, relations)` "
        "lists them."
    )


def _align_ends(texts: list[str], flat: Flat, tokenized: Any) -> tuple:
    """Subject and object in each row of their text.

    Returns:
        `(owners, rows, ends, lost)`. For each relation and row of its text:
        the number of the relation, the row, and the labels of its two ends,
        those that the row shows; then the ends that no row shows.
    """
    rows_of: dict[int, list[int]] = {}
    for row, number in enumerate(tokenized.rows.tolist()):
        rows_of.setdefault(number, []).append(row)
    pairs = [
        (owner, row)
        for owner, (number, _) in enumerate(flat)
        for row in rows_of[number]
    ]
    owners, rows = np.array(pairs, "int64").reshape(-1, 2).T
    # Each relation is read as a text of its own.
    ends, lost = align_spans(
        [texts[number] for number, _ in flat],
        [(relation.subject, relation.object) for _, relation in flat],
        tokenized._replace(offsets=tokenized.offsets[rows], rows=owners),
        ROLES,
    )
    return owners.tolist(), rows.tolist(), ends, lost


def _lost_relations(
    flat: Flat, shown: set[int], lost: list[LostSpan]
) -> list[LostRelation]:
    # The reason of the subject, where both ends are lost.
    reasons = {
        owner: f"{span.label} {reason}" for owner, span, reason in lost[::-1]
    }
    return [
        LostRelation(number, relation, reasons.get(owner, _APART))
        for owner, (number, relation) in enumerate(flat)
        if owner not in shown
    ]


def _padded(found: list[Places]) -> np.ndarray:
    longest = max([1, *map(len, found)])
    padding = (-1, -1, -1)
    rows = [[*of_row, *[padding] * (longest - len(of_row))] for of_row in found]
    return np.array(rows, "int32").reshape(-1, longest, 3)
