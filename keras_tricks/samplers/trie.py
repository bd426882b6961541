"""A prefix tree of token sequences in flat integer arrays."""

import functools
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_tricks.samplers import _trie_file
from keras_tricks.samplers._build import END
from keras_tricks.samplers._build import build
from keras_tricks.samplers._build import check_values
from keras_tricks.samplers._build import read_sequences
from keras_tricks.samplers._build import read_texts
from keras_tricks.samplers._walk import check_number
from keras_tricks.samplers._walk import descend
from keras_tricks.samplers._walk import find_child
from keras_tricks.samplers._walk import paths_to


@keras.saving.register_keras_serializable(package="keras_tricks")
class Trie:
    """Maps token sequences to their prefix tree, and entries to values.

    Nodes are numbered level by level, the children of a node side by side in
    the order of their tokens, so that two integers a node are the whole tree:

    ```
    children of n = first_child[n], …, first_child[n + 1] − 1
    tokens[c]     = the token that leads from its parent to c
    ```

    An entry ends in a child of its own with the token −1, which sorts before
    all others: an entry may be a prefix of another, and leaves are entries.
    Entries are numbered by length, then by tokens.

    It is built by sorting, a million sequences in seconds, and cannot be
    changed. Where only the host looks up strings, a compressed tree
    (`marisa-trie`) is smaller; this one is read by batches on a device.

    Args:
        sequences: List of sequences of token ids, from 0 to 2³¹ − 2, of any
            lengths; or an integer array `(entries, length)`. Equal ones are one
            entry with several values. Without an end token: a
            `TrieConstraint` asks for it after each entry.
        values: One integer, float or string for each sequence: what an answer
            stands for. `None` numbers the sequences. Defaults to `None`.

    Returns:
        A container of entries (tuples of integers): `len(trie)`, `entry in
        trie`, iteration, `trie[entry]` (the array of the entry's values),
        `trie.below(prefix)` and `trie.entry(number)`.

    Raises:
        ValueError: If a sequence holds something else than token ids, or
            values do not fit.

    Example:

    >>> from keras_tricks.samplers import Trie
    >>> trie = Trie([[7, 8, 9], [7, 8], [5]], values=["far", "near", "here"])
    >>> list(trie)
    [(5,), (7, 8), (7, 8, 9)]
    >>> trie[7, 8].tolist(), [7] in trie, list(trie.below([7, 8]))
    (['near'], False, [(7, 8), (7, 8, 9)])
    >>> len(trie), trie.num_nodes, trie.tokens.tolist()
    (3, 8, [-2, 5, 7, -1, 8, -1, 9, -1])
    """

    def __init__(
        self,
        sequences: Sequence[Sequence[int]] | np.ndarray,
        values: Sequence | np.ndarray | None = None,
    ):
        flat, lengths = read_sequences(sequences)
        values = check_values(values, lengths.size)
        tokens, first_child, rows, row_starts = build(flat, lengths)
        self._set(tokens, first_child, values[rows], row_starts)

    def _set(
        self,
        tokens: np.ndarray,
        first_child: np.ndarray,
        values: np.ndarray,
        value_starts: np.ndarray,
    ) -> None:
        self.tokens, self.first_child = tokens, first_child
        self.values, self.value_starts = values, value_starts
        for array in (tokens, first_child, values, value_starts):
            array.flags.writeable = False

    @classmethod
    def from_texts(
        cls,
        texts: Sequence[str],
        tokenizer: Callable[[str], Any],
        values: Sequence | np.ndarray | None = None,
    ) -> "Trie":
        """Build from strings.

        Args:
            texts: List of strings.
            tokenizer: KerasHub tokenizer, or function from string to token ids.
            values: As in the constructor. Defaults to `None`.
        """
        return cls(read_texts(texts, tokenizer), values)

    @property
    def num_nodes(self) -> int:
        """Nodes, the root and one end for each entry among them."""
        return self.tokens.size

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays: 8 a node, 4 an entry, and the values'."""
        arrays = self.tokens, self.first_child, self.values, self.value_starts
        return sum(array.nbytes for array in arrays)

    @functools.cached_property
    def leaves(self) -> np.ndarray:
        """The last node of each entry, in the order of entries."""
        return np.flatnonzero(self.tokens == END)

    def __len__(self) -> int:
        return self.value_starts.size - 1

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        return self.below(())

    def __contains__(self, entry: Any) -> bool:
        return self.find(entry) >= 0

    def __getitem__(self, entry: Sequence[int]) -> np.ndarray:
        number = self.find(entry)
        if number < 0:
            raise KeyError(tuple(entry))
        return self.values_of(number)

    def find(self, entry: Sequence[int]) -> int:
        """The number of an entry, −1 if it is none."""
        node = find_child(self, self.node(entry), END)
        return int(np.searchsorted(self.leaves, node)) if node >= 0 else -1

    def node(self, prefix: Sequence[int]) -> int:
        """The node that a prefix leads to, −1 if no entry begins with it."""
        node = 0
        for token in prefix:
            node = find_child(self, node, token) if token >= 0 else -1
        return node

    def below(self, prefix: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """The entries that begin with a prefix, in the order of entries."""
        start = self.node(prefix)
        for low, high in descend(self, start) if start >= 0 else ():
            leaves = low + np.flatnonzero(self.tokens[low:high] == END)
            yield from map(tuple, paths_to(self, leaves).tolist())

    def entry(self, number: int) -> tuple[int, ...]:
        """The tokens of an entry, by its number."""
        leaf = self.leaves[[check_number(self, number)]]
        return tuple(paths_to(self, leaf)[0].tolist())

    def values_of(self, number: int) -> np.ndarray:
        """The values of an entry, by its number."""
        check_number(self, number)
        first, last = self.value_starts[[number, number + 1]]
        return self.values[first:last]

    def save(self, path: str | Path) -> None:
        """Write to an `.npz` file: plain arrays and a checksum, no pickle."""
        _trie_file.save(self, path)

    @classmethod
    def load(cls, path: str | Path) -> "Trie":
        """Read what `save` wrote; an altered or cut file is a `ValueError`."""
        trie = cls.__new__(cls)
        cls._set(trie, *_trie_file.load(path))
        return trie

    def get_config(self) -> dict:
        """Entries and values as lists; for large tries, `save` is better."""
        counts = np.diff(self.value_starts)
        sequences = [
            list(entry)
            for entry, count in zip(self, counts, strict=True)
            for _ in range(count)
        ]
        return {"sequences": sequences, "values": self.values.tolist()}

    @classmethod
    def from_config(cls, config: dict) -> "Trie":
        return cls(**config)
