"""A labelled stretch of text."""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple


class Span(NamedTuple):
    """Where a stretch of text lies, what it is called and how sure that is.

    A tuple that starts with `start, end, label`, so what is extracted can be
    given back as a label.

    Attributes:
        start: Index of its first character in the text.
        end: Index after its last character.
        label: Its label.
        text: The characters themselves.
        score: Its score; above 0 is "more likely than not", and
            `1 / (1 + exp(-2 * score))` reads it as a probability.
    """

    start: int
    end: int
    label: str
    text: str = ""
    score: float = 0.0


def read_span(span: Any, name: str = "spans") -> Span:
    """Read `(start, end, label, ...)` or a mapping with these keys."""
    try:
        if isinstance(span, Mapping):
            start, end, label = (span[k] for k in ("start", "end", "label"))
        else:
            start, end, label = tuple(span)[:3]
        return Span(_index(start), _index(end), label)
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"Every one of `{name}` must be `(start, end, label)` with integer "
            f"start and end, or a mapping with these keys. Received: {span!r}"
        ) from None


def read_texts(texts: Any, name: str = "texts") -> list[str]:
    """Return `texts` as a list of strings, or raise."""
    if isinstance(texts, str) or not isinstance(texts, Iterable):
        raise ValueError(
            f"`{name}` must be a list of strings. Received: {texts!r}"
        )
    texts = list(texts)
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(
                f"`{name}` must be a list of strings. Received: "
                f"{name}[{i}]={text!r} of type {type(text).__name__}"
            )
    return texts


def _index(value: Any) -> int:
    if isinstance(value, bool) or int(value) != value:
        raise ValueError
    return int(value)
