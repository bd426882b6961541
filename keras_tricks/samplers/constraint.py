"""What decides which tokens may come next."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_positive_int

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class Constraint:
    """Maps what was generated so far to the tokens that may come next.

    A state machine over a batch, of three functions without side effects:

    ```
    s_0     = initial_state(batch_size)
    A_t     = allowed(s_t)                    tokens that may come next
    s_(t+1) = advance(s_t, token_t)
    ```

    A sampler carries the state in its cache, so it follows the beams. Shapes
    are static, nothing is read back to the host: it runs in a compiled loop.
    This class allows every token, so a subclass overrides what it needs.

    A constraint cannot change what the model knows: where its likely answers
    are all forbidden, the allowed ones are guesses with good form.

    A constraint is part of what JAX and TensorFlow compile. Do not change one:
    make another and call the model's `compile` with it.

    Args:
        vocabulary_size: Tokens that the model has scores for.
        end_token_id: The token that ends an answer, one of those that
            `generate` stops at. From it on only itself is generated.

    Returns:
        `initial_state`: a tensor, or nested tuples of tensors, each with a
        leading batch axis. `allowed`: a boolean tensor
        `(batch, vocabulary_size)`; a row with nothing allowed ends its answer.
        `advance`: the next state.

    Raises:
        ValueError: If the vocabulary has no end token.

    Example:

    >>> import keras
    >>> from keras_tricks.samplers import Constraint
    >>> class Even(Constraint):
    ...     def allowed(self, state):
    ...         even = keras.ops.arange(self.vocabulary_size) % 2 == 0
    ...         return keras.ops.repeat(even[None], len(state), axis=0)
    >>> even = Even(vocabulary_size=5, end_token_id=0)
    >>> mask = even.allowed(even.initial_state(2))
    >>> keras.ops.convert_to_numpy(mask)[1].tolist()
    [True, False, True, False, True]
    """

    def __init__(self, vocabulary_size: int, end_token_id: int):
        check_positive_int("vocabulary_size", vocabulary_size)
        if (
            isinstance(end_token_id, bool)
            or not isinstance(end_token_id, int)
            or not 0 <= end_token_id < vocabulary_size
        ):
            raise ValueError(
                "`end_token_id` must be a token, from 0 to "
                f"`vocabulary_size` - 1, {vocabulary_size - 1}; a tokenizer "
                "without an end token has none, so pass the id of another "
                "special token. "
                f"Received: end_token_id={end_token_id!r}"
            )
        self.vocabulary_size = vocabulary_size
        self.end_token_id = end_token_id

    @property
    def variables(self) -> list[keras.Variable]:
        """What may change between calls of `generate`."""
        return []

    @property
    def min_length(self) -> int:
        """Tokens of the shortest answer, its end among them."""
        return 1

    @property
    def max_length(self) -> int | None:
        """Tokens that it can follow, `None` for any number."""
        return None

    def initial_state(self, batch_size: Any) -> Any:
        """The state before the first generated token."""
        return ops.zeros((batch_size,), "int32")

    def allowed(self, state: Any) -> Tensor:
        """Mask of the tokens that may come next."""
        shape = (ops.shape(state)[0], self.vocabulary_size)
        return ops.ones(shape, "bool")

    def advance(self, state: Any, token: Tensor) -> Any:
        """The state after one more token a row."""
        return state

    def rescore(self, state: Any, logits: Tensor) -> Tensor:
        """Scores or log-probabilities to use in place of the model's."""
        return logits

    def check_stop_tokens(self, stop_token_ids: Sequence[int] | None) -> None:
        """Raise where `generate` would stop at other tokens than the end."""
        if stop_token_ids is not None and self.end_token_id not in [
            int(i) for i in stop_token_ids
        ]:
            raise ValueError(
                "`stop_token_ids` must contain the constraint's "
                f"`end_token_id`, {self.end_token_id}, or no answer would be "
                "seen to end. Received: "
                f"stop_token_ids={tuple(stop_token_ids)}"
            )

    def get_config(self) -> dict:
        return {
            "vocabulary_size": self.vocabulary_size,
            "end_token_id": self.end_token_id,
        }

    @classmethod
    def from_config(cls, config: dict) -> "Constraint":
        return cls(**config)
