"""Token sequences → the arrays of a prefix tree, no loop over sequences."""

import itertools
import operator
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np

# The token of the edge that ends an entry: below every token, so that an
# entry comes before those it is a prefix of. The root has no edge into it.
END = -1
ROOT = -2
MAX_TOKEN = 2**31 - 2


class Arrays(NamedTuple):
    """What a `Trie` keeps, and the rows of its entries, equal ones together."""

    tokens: np.ndarray
    first_child: np.ndarray
    rows: np.ndarray
    row_starts: np.ndarray


def read_texts(
    texts: Sequence[str], tokenizer: Callable[[str], Any]
) -> list[list[int]]:
    """Token sequences of strings."""
    if isinstance(texts, str):
        raise ValueError(
            "`texts` must be a list of strings. Received: one string"
        )
    return [np.asarray(tokenizer(text), "int64").tolist() for text in texts]


def read_sequences(sequences: Any) -> tuple[np.ndarray, np.ndarray]:
    """As `flatten`, or an error that names the argument."""
    try:
        return flatten(sequences)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            "`sequences` must be sequences of token ids, integers from 0 to "
            f"2**31 − 2 ({error}). For strings use `Trie.from_texts`. "
            f"Received: sequences of type {type(sequences).__name__}"
        ) from error


def flatten(sequences: Any) -> tuple[np.ndarray, np.ndarray]:
    """All tokens in a row (and one more, never meant), and the lengths."""
    sequences = list(sequences)
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    if sequences and all(isinstance(s, np.ndarray) for s in sequences):
        flat = np.concatenate(sequences)
        if flat.ndim != 1 or (flat.dtype.kind not in "iu" and flat.size):
            raise TypeError("tokens are integers")
    else:
        every: Iterable = itertools.chain.from_iterable(sequences)
        every = map(operator.index, every)
        flat = np.fromiter(every, np.int64, int(lengths.sum()))
    if flat.size and not 0 <= flat.min() <= flat.max() <= MAX_TOKEN:
        raise OverflowError("tokens are from 0 to 2**31 − 2")
    return np.append(flat, 0).astype(np.int32), lengths


def cells_at(
    flat: np.ndarray, starts: np.ndarray, lengths: np.ndarray, column: int
) -> np.ndarray:
    """The token of each row at `column`, `END` from its end on."""
    places = np.minimum(starts + column, flat.size - 1)
    return np.where(column < lengths, flat[places], END)


def sorted_rows(
    flat: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> np.ndarray:
    """Row numbers in the order of their sequences, equal ones as given.

    Rows are sorted by as many columns as fit into 63 bits; those still equal
    again by the rank that they share and the next columns, and so on.
    """
    bits = int(flat.max() + 1).bit_length()
    order = np.arange(lengths.size)
    tied, ranks, column = order.copy(), np.zeros(order.size, np.int64), 0
    while tied.size:
        rows = order[tied]
        width = (63 - int(ranks[-1]).bit_length()) // bits
        keys = ranks
        for c in range(column, column + width):
            cells = cells_at(flat, starts[rows], lengths[rows], c)
            keys = keys << bits | (cells + np.int64(1))
        column += width
        by_key = np.argsort(keys, kind="stable")
        rows, keys = rows[by_key], keys[by_key]
        order[tied] = rows
        same = keys[1:] == keys[:-1]
        equal = np.append(same, False) | np.append(False, same)
        unfinished = equal & (lengths[rows] >= column)
        ranks = np.cumsum(np.append(True, ~same))[unfinished]
        tied = tied[unfinished]
    return order


def build(flat: np.ndarray, lengths: np.ndarray) -> Arrays:
    """Number the nodes level by level, siblings in the order of their tokens.

    A sorted row makes a new node where it differs, there or before, from the
    row above it.
    """
    starts = np.cumsum(lengths) - lengths
    rows = sorted_rows(flat, starts, lengths)
    starts, lengths = starts[rows], lengths[rows]
    fresh = np.zeros(rows.size, bool)
    parents = np.zeros(rows.size, np.int32)
    tokens, counts = [np.array([ROOT], np.int32)], []
    ended, new_entry = [rows[:0]], [fresh[:0]]
    for column in itertools.count():
        size = tokens[-1].size
        if not rows.size:
            counts.append(np.zeros(size, np.int64))
            break
        cells = cells_at(flat, starts, lengths, column)
        fresh[1:] |= cells[1:] != cells[:-1]
        fresh[0] = True
        tokens.append(cells[fresh])
        counts.append(np.bincount(parents[fresh], minlength=size))
        parents = np.cumsum(fresh, dtype=np.int32) - 1
        goes_on = cells != END
        if goes_on.all():
            continue
        ended.append(rows[~goes_on])
        new_entry.append(fresh[~goes_on])
        rows, starts, lengths, fresh, parents = (
            x[goes_on] for x in (rows, starts, lengths, fresh, parents)
        )
    first_child = np.cumsum(np.concatenate([[1], *counts]))
    (row_starts,) = np.nonzero(np.append(np.concatenate(new_entry), True))
    return Arrays(
        np.concatenate(tokens),
        first_child.astype(np.int32),
        np.concatenate(ended),
        row_starts.astype(np.int32),
    )


def check_values(values: Any, size: int) -> np.ndarray:
    """Values as an array that can be saved without pickle."""
    try:
        array = np.arange(size) if values is None else np.array(values)
    except ValueError:  # Lists of different lengths.
        array = np.array(None)
    fits = array.shape == (size,)
    if size and fits:
        fits = array.dtype.kind in "iufbUS"
    if fits and array.dtype.kind in "US":
        # NumPy makes strings of the numbers among strings.
        fits = all(isinstance(value, str | bytes) for value in values)
    if not fits:
        raise ValueError(
            "`values` must be numbers, or strings, one for each of the "
            f"{size} sequences. Received: values of shape {array.shape} and "
            f"dtype {array.dtype}"
        )
    return array
