"""What every corpus of relations gives back."""

from collections.abc import Iterable
from typing import NamedTuple

Place = tuple[int, int]
Relation = tuple[Place, str, Place]
Example = tuple[str, list[Relation]]


class RelationCorpus(NamedTuple):
    """Texts with relations, in parts to train on and to be judged by.

    An example is `(text, relations)`; a relation is `(subject, predicate,
    object)` with subject and object `(start, end)`, characters, the end left
    out. `held` names the held-out parts; `notes` say what was counted.
    """

    predicates: tuple[str, ...]
    train: list[Example]
    held: dict[str, list[Example]]
    notes: list[str]


def predicates_of(examples: Iterable[Example]) -> tuple[str, ...]:
    """Every predicate that occurs, sorted."""
    return tuple(sorted({p for _, links in examples for _, p, _ in links}))
