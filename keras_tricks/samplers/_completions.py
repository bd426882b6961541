"""What goes on from the nodes of a prefix tree, entry by entry."""

from typing import Any

import numpy as np
from keras import ops

from keras_tricks.samplers import _subsequence
from keras_tricks.samplers._edges import Edges
from keras_tricks.samplers._walk import leaf_ranges
from keras_tricks.samplers._walk import parents_of

Tensor = Any


class Completions:
    """The entries below each node, and what they have in common with a text.

    Leaves are read from left to right, so those below a node are a range. The
    node beyond the last, where a token leads that was not allowed, has none.
    """

    def __init__(self, trie: Any, edges: Edges, max_entries: int):
        self.edges = edges
        self.max_entries = max_entries
        leaves, first, counts = leaf_ranges(trie)
        parents = parents_of(trie, np.arange(1, trie.num_nodes))
        tables = leaves, [*first, 0], [*counts, 0], [-1, *parents, -1]
        self.leaves, self.first, self.counts, self.parents = (
            ops.convert_to_tensor(np.array(table), "int32") for table in tables
        )

    def below(self, node: Tensor) -> tuple[Tensor, Tensor]:
        """Leaves `(batch, max_entries)`, and whether they are worth a look.

        They are at a node with several children and not more entries; of
        another, the node itself stands for each. The last leaf is repeated.
        """
        count = ops.take(self.counts, node, axis=0)
        place = ops.arange(self.max_entries, dtype="int32")
        place = ops.minimum(place, ops.maximum(count[:, None] - 1, 0))
        place = place + ops.take(self.first, node, axis=0)[:, None]
        leaf = ops.take(self.leaves, place, axis=0)
        first, stop = self.edges.range_of(node)
        apply = ops.logical_and(stop - first > 1, count <= self.max_entries)
        return ops.where(apply[:, None], leaf, node[:, None]), apply

    def common(
        self, node: Tensor, leaf: Tensor, question: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Each leaf's first token below the node, −1 for the end of an entry.

        And the LCS of the way there with every end of the question: from the
        leaf up to the node, a token is put before what was read.
        """
        stop = node[:, None]

        def above(at: Tensor) -> Tensor:
            return ops.where(at == stop, at, ops.take(self.parents, at, axis=0))

        def go_on(child: Tensor, at: Tensor, rest: Tensor) -> Tensor:
            return ops.any(at != stop)

        def step(child: Tensor, at: Tensor, rest: Tensor) -> tuple:
            token = ops.take(self.edges.tokens, at, axis=0)
            longer = _subsequence.prepend(rest, question[:, None], token)
            below = (at != stop)[:, :, None]
            rest = ops.where(below, longer, rest)
            return ops.where(at == stop, child, at), above(at), rest

        size = (*ops.shape(leaf), question.shape[1] + 1)
        rest = ops.zeros(size, "int32")
        child, _, rest = ops.while_loop(go_on, step, (leaf, above(leaf), rest))
        return ops.take(self.edges.tokens, child, axis=0), rest
