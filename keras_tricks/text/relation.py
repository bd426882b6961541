"""Two stretches of text and what holds between them."""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

from keras_tricks.text.span import Span
from keras_tricks.text.span import read_span

ROLES = ("subject", "object")
_FIELDS = ("subject", "predicate", "object")


class Relation(NamedTuple):
    """What a text says of a subject and an object, and how sure that is.

    A tuple that starts with `subject, predicate, object`, so what is extracted
    can be given back as a label.

    Attributes:
        subject: Where the subject lies, a `Span` labelled `"subject"`.
        predicate: Name of the relation.
        object: Where the object lies, a `Span` labelled `"object"`.
        score: The smallest of the scores that it needs; above 0 is "more
            likely than not".
    """

    subject: Span
    predicate: str
    object: Span
    score: float = 0.0


def read_relation(relation: Any, name: str = "relations") -> Relation:
    """Read `(subject, predicate, object, ...)` or a mapping with these keys.

    A subject or object is `(start, end, ...)` or a mapping with these keys.
    """
    try:
        if isinstance(relation, Mapping):
            subject, predicate, obj = (relation[key] for key in _FIELDS)
        else:
            subject, predicate, obj = tuple(relation)[:3]
        return Relation(
            _read_place(subject, "subject"),
            predicate,
            _read_place(obj, "object"),
        )
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"Every one of `{name}` must be `(subject, predicate, object)`, "
            "subject and object `(start, end)` with integers, or mappings with "
            f"these keys. Received: {relation!r}"
        ) from None


def read_relations(
    relations: Any, texts: list[str], predicates: Iterable[str]
) -> list[list[Relation]]:
    """Read the relations of each text; places and predicates must be known."""
    if len(relations) != len(texts):
        raise ValueError(
            "`relations` must hold one list of relations for each text. "
            f"Received: {len(relations)} lists for {len(texts)} texts"
        )
    known = tuple(predicates)
    return [
        [_checked(read_relation(one), text, number, known) for one in of_text]
        for number, (text, of_text) in enumerate(
            zip(texts, relations, strict=True)
        )
    ]


def sort_relations(relations: Iterable[Relation]) -> list[Relation]:
    """Reading order of the subjects, then of the objects, then by predicate."""

    def place(span: Span) -> tuple[int, int]:
        return span.start, -span.end

    return sorted(
        relations,
        key=lambda r: (place(r.subject), place(r.object), r.predicate),
    )


def _read_place(place: Any, role: str) -> Span:
    if isinstance(place, Mapping):
        return read_span((place["start"], place["end"], role))
    start, end = tuple(place)[:2]
    return read_span((start, end, role))


def _checked(
    relation: Relation, text: str, number: int, predicates: tuple[str, ...]
) -> Relation:
    """The relation with the characters of its ends, or an error."""
    if relation.predicate not in predicates:
        raise ValueError(
            f"`relations[{number}]` must have one of the predicates "
            f"{predicates}. Received: predicate={relation.predicate!r}"
        )
    for span in (relation.subject, relation.object):
        if not 0 <= span.start < span.end <= len(text):
            raise ValueError(
                f"`relations[{number}]` must lie inside its text of "
                f"{len(text)} characters, 0 <= start < end <= {len(text)}. "
                f"Received: {span.label} with start={span.start}, "
                f"end={span.end}"
            )
    return relation._replace(
        subject=_with_text(relation.subject, text),
        object=_with_text(relation.object, text),
    )


def _with_text(span: Span, text: str) -> Span:
    return span._replace(text=text[span.start : span.end])
