"""What every corpus of this package gives back."""

from collections.abc import Iterable
from typing import NamedTuple

Span = tuple[int, int, str]
Example = tuple[str, list[Span]]


class Corpus(NamedTuple):
    """Labelled texts, split into parts that share no text to learn from.

    An example is `(text, spans)`; a span is `(start, end, label)` with
    `text[start:end]` the mention: character offsets, the end left out.
    Spans are sorted, may lie inside one another, and occur once each.
    """

    name: str
    labels: tuple[str, ...]
    train: list[Example]
    valid: list[Example]
    test: list[Example] = []  # noqa: RUF012 (an empty part, never filled)


def sorted_spans(spans: Iterable[Span]) -> list[Span]:
    """Each span once, by start; of those, the longer first."""
    return sorted(set(spans), key=lambda span: (span[0], -span[1], span[2]))
