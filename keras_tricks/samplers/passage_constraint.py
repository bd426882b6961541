"""Only passages of given texts."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_tricks._checks import check_flag
from keras_tricks.samplers._edges import mark
from keras_tricks.samplers._token_rows import PADDING
from keras_tricks.samplers._token_rows import assign_rows
from keras_tricks.samplers._token_rows import laid_out
from keras_tricks.samplers._token_rows import optional_length
from keras_tricks.samplers._token_rows import rows_of_batch
from keras_tricks.samplers._token_rows import token_lists
from keras_tricks.samplers.constraint import Constraint

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class PassageConstraint(Constraint):
    """Maps the places of a text that were reached to the tokens that follow.

    An answer is a passage (an n-gram of any n) of the text `x`:

    ```
    s_0 = all places                  A(s) = {x_i : i ∈ s} ∪ {end}
    s_(t+1) = {i + 1 : i ∈ s_t, x_i = w_t}
    ```

    so reading comprehension copies, and answers with the text's own words. The
    end is allowed after one token or more. With one text for each row of the
    batch, `assign` sets the texts of the next batch without compiling anew.

    It takes text length × batch memory and time at each step; for one long
    text that never changes, a `Trie` of its passages or a `TokenAutomaton` is
    faster. It does not help where an answer is said in other words.

    Args:
        passages: Lists of token ids. With `per_row` one for each row of a
            batch, else an answer may come from any of them.
        vocabulary_size: Tokens that the model has scores for.
        end_token_id: The token that ends an answer, in no passage.
        per_row: Whether each row of a batch has its own passage. Defaults to
            `False`.
        length: Room for so many tokens; `None` for as many as there are.
            Defaults to `None`.

    Returns:
        As `Constraint`; the state is the row's text and its places, int32 and
        boolean `(batch, length)`.

    Raises:
        ValueError: If there is no passage, one is empty or too long, or has
            tokens outside the vocabulary or the end token.

    Example:

    >>> import keras
    >>> from keras_tricks.samplers import PassageConstraint
    >>> text = PassageConstraint([[3, 4, 3, 5]], 8, end_token_id=1)
    >>> state = text.advance(text.initial_state(1), keras.ops.array([3]))
    >>> mask = keras.ops.convert_to_numpy(text.allowed(state))[0]
    >>> mask.nonzero()[0].tolist()
    [1, 4, 5]

    Reference:
        Su Jianlin, 2019: https://kexue.fm/archives/7115, where n-grams of a
        passage were kept in nested dicts.
    """

    def __init__(
        self,
        passages: Sequence[Sequence[int]],
        vocabulary_size: int,
        end_token_id: int,
        per_row: bool = False,
        length: int | None = None,
    ):
        super().__init__(vocabulary_size, end_token_id)
        self.per_row = check_flag("per_row", per_row)
        self.length = optional_length(length)
        self.passages = self._check(passages)
        self.texts = keras.Variable(
            self._lay_out(self.passages), trainable=False, dtype="int32"
        )

    def _check(self, passages: Sequence[Sequence[int]]) -> list[list[int]]:
        rows = token_lists("passages", passages)
        tokens = [t for row in rows for t in row]
        wrong = {t for t in tokens if not 0 <= t < self.vocabulary_size}
        if not all(rows) or not rows or wrong | {self.end_token_id} & {*tokens}:
            raise ValueError(
                "`passages` must be lists of at least one token each, below "
                f"`vocabulary_size` {self.vocabulary_size} and without the end "
                f"token. Received: {len(rows)} passages of lengths "
                f"{[len(row) for row in rows]}, tokens {sorted(wrong)} outside"
            )
        return rows

    def _lay_out(self, rows: list[list[int]]) -> np.ndarray:
        """A row of tokens for each text, padding after each passage."""
        if not self.per_row:
            rows = [[t for row in rows for t in (*row, PADDING)][:-1]]
        longest = max(map(len, rows))
        size = longest if self.length is None else self.length
        if longest > size:
            raise ValueError(
                f"`length` must leave room for all passages, {longest} tokens. "
                f"Received: length={self.length}"
            )
        return laid_out(rows, size)

    def assign(self, passages: Sequence[Sequence[int]]) -> None:
        """Set other passages, of as much room and as many rows.

        Args:
            passages: As in the constructor.
        """
        rows = self._check(passages)
        assign_rows("passages", self.texts, self._lay_out(rows))
        self.passages = rows

    @property
    def variables(self) -> list[keras.Variable]:
        """The texts."""
        return [self.texts]

    @property
    def min_length(self) -> int:
        """One token and its end."""
        return 2

    def initial_state(self, batch_size: Any) -> tuple[Tensor, Tensor, Tensor]:
        if self.per_row:
            texts = rows_of_batch("passages", self.texts, batch_size)
        else:
            texts = ops.repeat(self.texts, batch_size, axis=0)
        first = ops.zeros((batch_size,), "bool")
        return texts, texts >= 0, first

    def allowed(self, state: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        texts, places, may_end = state
        rows = ops.zeros((ops.shape(texts)[0], self.vocabulary_size), "bool")
        end = ops.arange(self.vocabulary_size) == self.end_token_id
        mask = ops.logical_or(rows, ops.logical_and(may_end[:, None], end))
        # A place that was not reached marks the first that was, or the end.
        reached = ops.logical_and(places, texts >= 0)
        some = ops.max(ops.where(reached, texts, -1), axis=-1, keepdims=True)
        tokens = ops.where(reached, texts, some)
        return mark(mask, ops.where(tokens < 0, self.end_token_id, tokens))

    def advance(
        self, state: tuple[Tensor, Tensor, Tensor], token: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        texts, places, _ = state
        token = ops.cast(token, "int32")
        here = ops.logical_and(places, texts == token[:, None])
        places = ops.pad(here[:, :-1], ((0, 0), (1, 0)))
        return texts, places, ops.ones_like(token, dtype="bool")

    def get_config(self) -> dict:
        own = {"passages": self.passages, "per_row": self.per_row}
        return {**super().get_config(), **own, "length": self.length}
