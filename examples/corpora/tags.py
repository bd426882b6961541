"""Turns tokens and their tags into a text and its spans."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence

from .corpus import Example
from .corpus import Span
from .corpus import sorted_spans

Token = Sequence[str]


def token_example(rows: Sequence[Token]) -> Example:
    """Joins tokens with single spaces; each tag column adds its spans.

    Args:
        rows: `(token, tag, ...)` per token, with a tag for each column.

    Example:
        >>> token_example([("New", "B-LOC"), ("York", "I-LOC"), (".", "O")])
        ('New York .', [(0, 8, 'LOC')])
    """
    tokens = [row[0] for row in rows]
    starts, ends, place = [], [], 0
    for token in tokens:
        starts.append(place)
        ends.append(place + len(token))
        place = ends[-1] + 1
    spans: list[Span] = []
    for column in zip(*(row[1:] for row in rows), strict=True):
        for first, last, label in tag_spans(column):
            spans.append((starts[first], ends[last], label))
    return " ".join(tokens), sorted_spans(spans)


def tag_spans(tags: Iterable[str]) -> Iterator[Span]:
    """Reads BIO tags as `(first token, last token, label)`.

    A mention starts at `B-x`, and also at an `I-x` that has no mention of
    `x` right before it: as the official CoNLL script reads it, so that no
    label is lost. Where one follows another, `I-y` after `B-x` ends the
    mention of `x` and starts one of `y`.

    Raises:
        ValueError: If a tag is neither `O` nor `B-label` nor `I-label`.

    Example:
        >>> list(tag_spans(["I-PER", "I-PER", "B-PER", "I-LOC", "O"]))
        [(0, 1, 'PER'), (2, 2, 'PER'), (3, 3, 'LOC')]
    """
    first, label = 0, ""
    place = -1
    for place, tag in enumerate(tags):
        position, new = split_tag(tag)
        if label and (position != "I" or new != label):
            yield first, place - 1, label
            label = ""
        if new and not label:
            first, label = place, new
    if label:
        yield first, place, label


def split_tag(tag: str) -> tuple[str, str]:
    """`B-LOC` as `("B", "LOC")`, `O` as `("O", "")`."""
    position, dash, label = tag.partition("-")
    if tag != "O" and not (position in ("B", "I") and dash and label):
        raise ValueError(
            f"A tag must be O, B-label or I-label. Received: {tag!r}"
        )
    return position, label
