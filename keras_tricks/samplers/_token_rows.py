"""Lists of token ids as arguments, and as rows of a variable."""

import operator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_tricks._checks import check_positive_int

Tensor = Any

# After the last token of a row.
PADDING = -1
MAX_TOKEN = 2**31 - 2


def token_lists(name: str, lists: Any) -> list[list[int]]:
    """Return lists of token ids as such, or raise."""
    try:
        found = [[operator.index(t) for t in tokens] for tokens in lists]
    except TypeError:
        found = [[-1]]
    if not all(0 <= t <= MAX_TOKEN for tokens in found for t in tokens):
        raise ValueError(
            f"`{name}` must be lists of token ids, from 0 to 2**31 − 2. "
            f"Received: {name}={lists!r}"
        )
    return found


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


def laid_out(rows: list[list[int]], length: int) -> np.ndarray:
    """Rows of one length."""
    room = np.full((len(rows), length), PADDING, np.int32)
    for place, row in zip(room, rows, strict=True):
        place[: len(row)] = row
    return room


def assign_rows(name: str, variable: keras.Variable, rows: np.ndarray) -> None:
    """Set other rows, or raise if they fill another room."""
    room = tuple(variable.shape)
    if rows.shape != room:
        raise ValueError(
            f"`{name}` must fill the same room; give `length` to the "
            f"constructor. Received: {name} of shape {rows.shape} for {room}"
        )
    variable.assign(rows)


def rows_of_batch(
    name: str, variable: keras.Variable, batch_size: Any
) -> Tensor:
    """The rows, one for each of the batch, or raise."""
    rows = ops.convert_to_tensor(variable)
    if isinstance(batch_size, int) and batch_size != rows.shape[0]:
        raise ValueError(
            f"`{name}` must be as many as rows of the batch. Received: "
            f"{rows.shape[0]} {name} for {batch_size} rows"
        )
    return rows
