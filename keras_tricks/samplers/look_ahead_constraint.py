"""Entries of a prefix tree, those that cover the question favoured."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_tricks._checks import check_positive_int
from keras_tricks.samplers import _subsequence
from keras_tricks.samplers._completions import Completions
from keras_tricks.samplers._edges import mark
from keras_tricks.samplers._token_rows import PADDING
from keras_tricks.samplers._token_rows import assign_rows
from keras_tricks.samplers._token_rows import laid_out
from keras_tricks.samplers._token_rows import optional_length
from keras_tricks.samplers._token_rows import rows_of_batch
from keras_tricks.samplers._token_rows import token_lists
from keras_tricks.samplers.trie import Trie
from keras_tricks.samplers.trie_constraint import TrieConstraint

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class LookAheadConstraint(TrieConstraint):
    """Maps a node to its children, those that lead to the question favoured.

    For the question `q`, the tokens `y` of the path so far, and the entries `e`
    that go on with `w`,

    ```
    Δ(w) = max_e LCS(e, q) − LCS(y, q)
    p(w) ← p(w)^(1 / (Δ(w) + 1))
    ```

    where LCS is the length of the longest common subsequence. Then forbidden
    tokens are taken out, as in `TrieConstraint`. A step's choice so knows what
    comes later: among "author", "author's wife" the question's own words
    decide. The source gained 4 points of exact match on KgCLUE.

    It compares entries one by one, so it applies at nodes with several children
    and at most `max_entries` below; elsewhere probabilities stay as they are.
    It costs max_entries × question × entry length at each step. It misleads
    where answers are worded unlike questions, or a long wrong entry shares more
    common words.

    Args:
        trie: A `Trie` with at least one entry.
        vocabulary_size: Tokens that the model has scores for.
        end_token_id: The token that ends an answer, in no entry.
        questions: Lists of token ids, one for each row of a batch. `assign`
            sets those of the next batch, without compiling anew.
        length: Room for so many tokens of a question; `None` for as many as
            there are. Defaults to `None`.
        max_entries: Most entries that are compared. Defaults to `64`.

    Returns:
        As `Constraint`; the state is the node, the question and the row of its
        LCS with the path.

    Raises:
        ValueError: As `TrieConstraint`, or if questions do not fit.

    Example:

    >>> import keras
    >>> from keras_tricks.samplers import LookAheadConstraint, Trie
    >>> trie = Trie([[2, 5, 6], [3, 7, 8]])
    >>> ahead = LookAheadConstraint(trie, 9, 1, questions=[[4, 3, 8, 8]])
    >>> even = keras.ops.zeros((1, 9))
    >>> log_p = ahead.rescore(ahead.initial_state(1), even)[0]
    >>> [round(float(keras.ops.exp(log_p[w])), 3) for w in (2, 3)]
    [0.111, 0.481]

    Reference:
        Su Jianlin, 2021: https://kexue.fm/archives/8802. As in its code, the
        LCS is of the whole entry, not of the predicate alone.
    """

    def __init__(
        self,
        trie: Trie,
        vocabulary_size: int,
        end_token_id: int,
        questions: Sequence[Sequence[int]],
        length: int | None = None,
        max_entries: int = 64,
    ):
        super().__init__(trie, vocabulary_size, end_token_id)
        self.max_entries = check_positive_int("max_entries", max_entries)
        self.length = optional_length(length)
        self.questions = keras.Variable(
            self._lay_out(questions), trainable=False, dtype="int32"
        )
        self.completions = Completions(trie, self.edges, max_entries)

    def _lay_out(self, questions: Sequence[Sequence[int]]) -> np.ndarray:
        rows = token_lists("questions", questions)
        longest = max(map(len, rows), default=0)
        size = longest if self.length is None else self.length
        if not rows or not 0 < longest <= size:
            raise ValueError(
                "`questions` must be lists of token ids, one for each row of a "
                f"batch, of at most `length` tokens. Received: {len(rows)} "
                f"questions of up to {longest} tokens, length={self.length}"
            )
        return laid_out(rows, size)

    def assign(self, questions: Sequence[Sequence[int]]) -> None:
        """Set other questions, as many and of as much room.

        Args:
            questions: As in the constructor.
        """
        assign_rows("questions", self.questions, self._lay_out(questions))

    @property
    def variables(self) -> list[keras.Variable]:
        """The questions."""
        return [self.questions]

    def initial_state(self, batch_size: Any) -> tuple[Tensor, Tensor, Tensor]:
        question = rows_of_batch("questions", self.questions, batch_size)
        common = ops.zeros_like(ops.pad(question, ((0, 0), (0, 1))))
        return super().initial_state(batch_size), question, common

    def allowed(self, state: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        return super().allowed(state[0])

    def advance(
        self, state: tuple[Tensor, Tensor, Tensor], token: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        node, question, common = state
        token = ops.cast(token, "int32")
        # The end may be one of the question's: nothing is asked after it.
        longer = _subsequence.append(common, question, token)
        return super().advance(node, token), question, longer

    def rescore(
        self, state: tuple[Tensor, Tensor, Tensor], logits: Tensor
    ) -> Tensor:
        node, question, common = state
        log_p = ops.log_softmax(logits)
        leaf, apply = self.completions.below(node)
        token, rest = self.completions.common(node, leaf, question)
        token = ops.where(token < 0, self.end_token_id, token)
        gain = ops.max(common[:, None] + rest, axis=-1) - common[:, -1:]
        # The most for each token, so that all its entries say the same.
        alike = token[:, :, None] == token[:, None, :]
        gain = ops.max(ops.where(alike, gain[:, None, :], 0), axis=-1)
        gain = ops.where(apply[:, None], gain, 0)
        delta = ops.zeros(ops.shape(log_p), "int32")
        return log_p / ops.cast(mark(delta, token, gain) + 1, log_p.dtype)

    def get_config(self) -> dict:
        questions = ops.convert_to_numpy(self.questions).tolist()
        return {
            **super().get_config(),
            "questions": [
                [t for t in row if t != PADDING] for row in questions
            ],
            "length": self.length,
            "max_entries": self.max_entries,
        }
