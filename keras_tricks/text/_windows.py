"""Token lists of any length as rows of one length."""

from collections.abc import Iterator

from keras_tricks._checks import check_positive_int


def check_windows(
    sequence_length: int, overlap: int | None, num_special: int = 0
) -> int:
    """Return the number of text tokens a row has room for, or raise."""
    check_positive_int("sequence_length", sequence_length)
    room = sequence_length - num_special
    if room < 1:
        raise ValueError(
            "`sequence_length` must leave room for text beside the tokenizer's "
            f"{num_special} special tokens. Received: "
            f"sequence_length={sequence_length}"
        )
    if overlap is not None and not (
        type(overlap) is int and 0 <= overlap < room
    ):
        raise ValueError(
            f"`overlap` must be None or an integer from 0 to {room - 1}, less "
            "than the text tokens a row of `sequence_length` has room for. "
            f"Received: overlap={overlap!r}"
        )
    return room


def windows(
    num_tokens: int, room: int, overlap: int | None
) -> Iterator[tuple[int, int]]:
    """Yield the `(first, last + 1)` tokens of each row of one text.

    One row if `overlap` is None, however long the text; else rows that share
    `overlap` tokens with the row before and leave no token out.
    """
    start = 0
    yield start, min(room, num_tokens)
    while overlap is not None and start + room < num_tokens:
        start += room - overlap
        yield start, min(start + room, num_tokens)
