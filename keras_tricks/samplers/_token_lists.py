"""Lists of token ids, and the room for them, as arguments."""

import operator
from typing import Any

from keras_tricks._checks import check_positive_int


def token_lists(name: str, lists: Any) -> list[list[int]]:
    """Return lists of integers as such, or raise."""
    try:
        return [[operator.index(t) for t in tokens] for tokens in lists]
    except TypeError:
        raise ValueError(
            f"`{name}` must be lists of token ids. Received: {name}={lists!r}"
        ) from None


def optional_length(length: Any) -> int | None:
    """Return a number of tokens, or None, or raise."""
    if length is None:
        return None
    check_positive_int("length", length)
    if length >= 2**31:
        raise ValueError(
            f"`length` must be below 2**31. Received: length={length!r}"
        )
    return length
