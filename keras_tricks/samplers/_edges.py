"""Labelled edges of many nodes, read a batch of nodes at a time.

The edges of node `n` are `starts[n]` to `starts[n + 1] − 1`, in the order of
their tokens; the token −1 ends an answer and comes first. A node without edges
is one where the answer has ended: only the end token, again and again.
"""

from typing import Any

import numpy as np
from keras import ops

Tensor = Any

# Probes in a round of the search: a node of 32³ edges takes three rounds.
BASE = 32
# Entries of the table of masks of nodes that have more edges than the window.
MAX_TABLE = 1 << 26


class Edges:
    """Tables on the device, made once, outside any compiled function."""

    def __init__(
        self,
        starts: np.ndarray,
        tokens: np.ndarray,
        vocabulary_size: int,
        end_token_id: int,
    ):
        degrees = np.diff(starts)
        self.vocabulary_size = vocabulary_size
        self.end_token_id = end_token_id
        self.window, hubs = choose_window(degrees, vocabulary_size)
        rows = np.zeros((len(hubs) + 1, vocabulary_size), bool)
        for row, hub in zip(rows[1:], hubs, strict=True):
            mine = tokens[starts[hub] : starts[hub + 1]]
            row[np.where(mine < 0, end_token_id, mine)] = True
        rounds = 1
        while BASE**rounds < degrees.max(initial=1):
            rounds += 1
        self.widths = [BASE**r for r in reversed(range(rounds))]
        self.starts = ops.convert_to_tensor(starts, "int32")
        # One more, so that there is something to read where nothing is.
        tokens = np.append(tokens, -1)
        self.last = len(tokens) - 1
        self.tokens = ops.convert_to_tensor(tokens, "int32")
        self.num_hubs = len(hubs)
        self.hubs = ops.convert_to_tensor(hubs, "int32")
        self.hub_rows = ops.convert_to_tensor(rows, "bool")

    def range_of(self, node: Tensor) -> tuple[Tensor, Tensor]:
        """First edge of each node, and the first after its own."""
        first = ops.take(self.starts, node, axis=0)
        return first, ops.take(self.starts, node + 1, axis=0)

    def allowed(self, node: Tensor) -> Tensor:
        """Mask `(batch, vocabulary_size)` of the tokens on a node's edges."""
        node = ops.cast(node, "int32")
        first, stop = (x[:, None] for x in self.range_of(node))
        # A window that is too long for a node reads its last edge again.
        edge = first + ops.arange(self.window, dtype="int32")
        edge = ops.clip(edge, 0, ops.maximum(stop - 1, 0))
        token = ops.take(self.tokens, edge, axis=0)
        ends = ops.logical_or(token < 0, first == stop)
        token = ops.where(ends, self.end_token_id, token)
        return mark(self._hub_mask(node), token)

    def candidates(
        self, node: Tensor, width: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """A node's first edges: tokens, edges, and whether there are so many.

        Each `(batch, width)`. A node without edges has one, to its end.
        """
        first, stop = (x[:, None] for x in self.range_of(node))
        edge = first + ops.arange(width, dtype="int32")
        token = ops.take(self.tokens, ops.minimum(edge, self.last), axis=0)
        ends = ops.logical_or(token < 0, first == stop)
        token = ops.where(ends, self.end_token_id, token)
        return token, edge, edge < ops.maximum(stop, first + 1)

    def _hub_mask(self, node: Tensor) -> Tensor:
        if not self.num_hubs:
            row = ops.zeros_like(node)
        else:
            place = ops.cast(ops.searchsorted(self.hubs, node), "int32")
            place = ops.minimum(place, self.num_hubs - 1)
            found = ops.take(self.hubs, place, axis=0) == node
            row = ops.where(found, place + 1, 0)
        return ops.take(self.hub_rows, row, axis=0)

    def follow(self, node: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
        """The edge with a token at each node, and whether there is one."""
        token = ops.cast(token, "int32")
        token = ops.where(token == self.end_token_id, -1, token)
        low, stop = self.range_of(node)
        for width in self.widths:
            probe = low[:, None] + width * ops.arange(1, BASE, dtype="int32")
            value = ops.take(self.tokens, ops.minimum(probe, self.last), axis=0)
            passed = ops.logical_and(
                probe < stop[:, None], value <= token[:, None]
            )
            passed = ops.sum(ops.cast(passed, "int32"), axis=-1)
            low = low + width * ops.cast(passed, "int32")
        reached = ops.take(self.tokens, ops.minimum(low, self.last), axis=0)
        return low, ops.logical_and(low < stop, reached == token)

    def ended(self, node: Tensor) -> Tensor:
        """Whether a node has no edges."""
        first, stop = self.range_of(node)
        return first == stop


def choose_window(
    degrees: np.ndarray, vocabulary_size: int
) -> tuple[int, np.ndarray]:
    """Edges read at every node, and the nodes that have more.

    Nearly all nodes have few edges, a few (the root) have thousands. Those
    have rows in a table of masks, which must not grow large.
    """
    largest = int(degrees.max(initial=1))
    window = min(128, largest)
    while True:
        (hubs,) = np.nonzero(degrees > window)
        if len(hubs) * vocabulary_size <= MAX_TABLE:
            return max(window, 1), hubs
        window *= 2


def mark(table: Tensor, columns: Tensor, values: Tensor = None) -> Tensor:
    """The table with several columns of each row set, to true by default.

    A column that is named twice must be given the same value.
    """
    rows, width = ops.shape(columns)
    row = ops.repeat(ops.arange(rows, dtype="int32"), width)
    indices = ops.stack([row, ops.reshape(columns, (-1,))], axis=-1)
    if values is None:
        values = ops.ones_like(columns, dtype="bool")
    return ops.scatter_update(table, indices, ops.reshape(values, (-1,)))
