"""Ways through the arrays of a `Trie`, on the host."""

from collections.abc import Iterator
from typing import Any

import numpy as np


def find_child(trie: Any, node: int, token: int) -> int:
    """The child of a node that a token leads to, −1 if there is none."""
    if node < 0:
        return -1
    first, last = trie.first_child[[node, node + 1]]
    child = int(first + np.searchsorted(trie.tokens[first:last], token))
    return child if child < last and trie.tokens[child] == token else -1


def check_number(trie: Any, number: int) -> int:
    """Return the number of an entry, or raise."""
    if not 0 <= number < len(trie):
        raise IndexError(
            f"`number` must be that of an entry, from 0 to {len(trie) - 1}. "
            f"Received: number={number}"
        )
    return number


def descend(trie: Any, node: int) -> Iterator[tuple[int, int]]:
    """The range of nodes below a node at each level, its own level first."""
    low, high = node, node + 1
    while low < high:
        yield low, high
        low, high = (int(x) for x in trie.first_child[[low, high]])


def parents_of(trie: Any, nodes: np.ndarray) -> np.ndarray:
    """The parent of each node other than the root."""
    return np.searchsorted(trie.first_child, nodes, side="right") - 1


def paths_to(trie: Any, leaves: np.ndarray) -> np.ndarray:
    """Tokens from the root to leaves of one level, without the end."""
    columns = []
    nodes = parents_of(trie, leaves)
    while nodes.size and nodes[0] > 0:
        columns.append(trie.tokens[nodes])
        nodes = parents_of(trie, nodes)
    shape = (len(columns), leaves.size)
    return np.array(columns[::-1], np.int32).reshape(shape).T


def leaf_ranges(trie: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Leaves from left to right, and of each node the first, and how many."""
    levels = list(descend(trie, 0))
    counts = (trie.tokens == -1).astype(np.int32)
    for low, high in reversed(levels[1:]):
        parents = parents_of(trie, np.arange(low, high))
        np.add.at(counts, parents, counts[low:high])
    before = np.cumsum(counts) - counts
    first = np.zeros_like(counts)
    for low, high in levels[1:]:
        parents = parents_of(trie, np.arange(low, high))
        among_siblings = before[low:high] - before[trie.first_child[parents]]
        first[low:high] = first[parents] + among_siblings
    leaves = trie.leaves[np.argsort(first[trie.leaves])]
    return leaves.astype(np.int32), first, counts
