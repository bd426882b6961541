"""Only entries of a prefix tree."""

import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_tricks._checks import check_instance
from keras_tricks.samplers._answers import read_answers
from keras_tricks.samplers._edges import Edges
from keras_tricks.samplers._walk import descend
from keras_tricks.samplers.constraint import Constraint
from keras_tricks.samplers.trie import Trie

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class TrieConstraint(Constraint):
    """Maps the node that was reached to its children: answers are entries.

    ```
    s_0 = root    A(s) = {token of c : c child of s}    s_(t+1) = child of s_t
    ```

    where the child that ends an entry is reached by `end_token_id`. At an end
    only the end token follows, as after a token that was not allowed.

    Finding a child takes a few gathers whatever the size of the trie; the mask
    is one gather and one scatter of at most 128 children a row, from a row of a
    small table for the few nodes that have more.

    When it does not help: a model that was not trained to give entries picks by
    their first tokens, and a likely first token may lead to unlikely entries
    alone. Beam search (`ConstrainedBeamSampler`) looks further, and training on
    the entries' own form further still.

    Args:
        trie: A `Trie` with at least one entry.
        vocabulary_size: Tokens that the model has scores for.
        end_token_id: The token that ends an answer, in no entry.

    Returns:
        As `Constraint`; the state is an int32 tensor `(batch,)`.

    Raises:
        ValueError: If the trie is empty, has tokens outside the vocabulary, or
            an entry contains the end token.

    Example:

    >>> from keras_tricks.samplers import Trie, TrieConstraint
    >>> trie = Trie([[4, 5], [4, 6, 6]], values=["Ada", "Bob"])
    >>> constraint = TrieConstraint(trie, vocabulary_size=9, end_token_id=1)
    >>> generated = [[2, 4, 6, 6, 1, 0], [2, 2, 4, 5, 1, 0], [2, 4, 6, 6, 6, 6]]
    >>> answers = constraint.read(generated, start=[1, 2, 1])
    >>> answers
    [(4, 6, 6), (4, 5), None]
    >>> [trie[x].tolist() for x in answers if x]
    [['Bob'], ['Ada']]

    Reference:
        De Cao et al., 2020, GENRE: https://arxiv.org/abs/2010.00904; Su
        Jianlin, 2021: https://kexue.fm/archives/8802. Here an entry that is a
        prefix of another can be reached, and forbidden tokens are never taken,
        however unlikely the allowed ones are.
    """

    def __init__(self, trie: Trie, vocabulary_size: int, end_token_id: int):
        super().__init__(vocabulary_size, end_token_id)
        check_instance("trie", trie, Trie, "a `Trie`")
        if len(trie) == 0:
            raise ValueError(
                "`trie` must have at least one entry. Received: an empty trie"
            )
        if trie.tokens.max() >= vocabulary_size:
            raise ValueError(
                f"`trie` must hold tokens below `vocabulary_size`, "
                f"{vocabulary_size}. Received: token {trie.tokens.max()}"
            )
        self.trie = trie
        self._used = np.zeros(vocabulary_size, bool)
        self._used[trie.tokens[trie.tokens >= 0]] = True
        self._refuse_tokens(
            [end_token_id], "the end token, `end_token_id`; leave it out"
        )
        # A node beyond the last, without children, is where a token leads that
        # was not allowed.
        self.dead = trie.num_nodes
        starts = np.append(trie.first_child, trie.num_nodes)
        self.edges = Edges(starts, trie.tokens, vocabulary_size, end_token_id)

    def _refuse_tokens(self, ids: Sequence[int], what: str) -> None:
        found = [i for i in ids if 0 <= i < len(self._used) and self._used[i]]
        if found:
            raise ValueError(
                f"`trie` must not have entries that contain {what}. "
                f"Received: entries with token {found}"
            )

    @functools.cached_property
    def min_length(self) -> int:
        """Tokens of the shortest entry, its end among them."""
        # Kept: every call of a sampler asks, and it may be far down.
        for depth, (low, high) in enumerate(descend(self.trie, 0)):
            if (self.trie.tokens[low:high] == -1).any():
                return depth
        return 1

    def initial_state(self, batch_size: Any) -> Tensor:
        return ops.zeros((batch_size,), "int32")

    def allowed(self, state: Tensor) -> Tensor:
        return self.edges.allowed(state)

    def advance(self, state: Tensor, token: Tensor) -> Tensor:
        state = ops.cast(state, "int32")
        # Children are edges: they have the same numbers.
        child, found = self.edges.follow(state, token)
        stay = ops.where(self.edges.ended(state), state, self.dead)
        return ops.where(found, child, stay)

    @property
    def fan_outs(self) -> list[int]:
        """The most children of a node, level by level from the root on."""
        edges = self.trie.first_child
        return [
            int(np.diff(edges[low : high + 1]).max())
            for low, high in descend(self.trie, 0)
        ]

    def candidates(
        self, state: Tensor, width: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The allowed tokens as a list, for a search of one's own.

        A list of a few children costs less than a mask of the vocabulary, where
        the number of children is known to be small: in a loop that is written
        out, `fan_outs` tells it for each step.

        Args:
            state: Nodes, integers `(batch,)`.
            width: Children to read; more than these are left out.

        Returns:
            Tokens, the states that they lead to, and whether there are so many
            children, each `(batch, width)`.
        """
        state = ops.cast(state, "int32")
        token, child, present = self.edges.candidates(state, width)
        ended = self.edges.ended(state)[:, None]
        return token, ops.where(ended, state[:, None], child), present

    def check_stop_tokens(self, stop_token_ids: Sequence[int] | None) -> None:
        super().check_stop_tokens(stop_token_ids)
        if stop_token_ids is not None:
            ids = [int(i) for i in stop_token_ids]
            self._refuse_tokens(ids, "a token that `generate` stops at")

    def read(
        self, token_ids: Any, start: int | Sequence[int] = 0
    ) -> list[tuple[int, ...] | None]:
        """The answers in what was generated.

        Args:
            token_ids: Integers `(batch, length)`, prompts included.
            start: Where the answers begin: one place, or one for each row.
                Defaults to `0`.

        Returns:
            For each row its entry, a key of the trie; `None` where the answer
            was cut before its end token (`max_length` too short) or is none.
        """
        return read_answers(self.trie, self.end_token_id, token_ids, start)

    def get_config(self) -> dict:
        config = super().get_config()
        config["trie"] = keras.saving.serialize_keras_object(self.trie)
        return config

    @classmethod
    def from_config(cls, config: dict) -> "TrieConstraint":
        trie = keras.saving.deserialize_keras_object(config["trie"])
        return cls(**{**config, "trie": trie})
