"""Only what a grammar engine on the host allows."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_tricks import _backend
from keras_tricks._checks import check_positive_int
from keras_tricks.samplers._json_schema import JSONMatcher
from keras_tricks.samplers._matchers import Matchers
from keras_tricks.samplers.constraint import Constraint

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class GrammarConstraint(Constraint):
    """Maps what was generated to the tokens that a grammar engine lets follow.

    ```
    A(y) = {w : y·w begins a sentence of the grammar}
           ∪ {end : y is a sentence}
    ```

    for grammars that nest without bound, as JSON does, and so are no finite
    automaton. An engine (`xgrammar`) keeps a matcher for what was generated and
    fills a mask of 32 tokens an integer; this class gives each row of a batch,
    and each beam, the matcher of its own tokens.

    The engine runs on the host, in a callback: every step waits for it, which
    costs more than a step of a small model. Its tokens must spell whatever the
    grammar may ask for: where none does, the answer ends, and `is_whole` tells.
    JAX, PyTorch and TensorFlow have such callbacks; XLA under TensorFlow has
    none, so there the model is compiled with `jit_compile=False`. Where the
    answers can be listed, or a regular expression tells them, `TrieConstraint`
    and `TokenAutomaton` stay on the device.

    Args:
        matcher: Function without arguments that returns a new matcher: an
            object with `accept_token(id)` → whether the token may come next,
            `fill_next_token_bitmask(bitmask, index)`, which writes a row of an
            int32 array (token w is bit w mod 32 of integer w // 32), and
            `fork()` → a copy.
        vocabulary_size: Tokens that the model has scores for.
        end_token_id: The token that ends an answer, a stop token of the engine.
        length: Room for so many tokens of an answer. Defaults to `256`.

    Returns:
        As `Constraint`; the state is the answer so far, int32
        `(batch, length)`, and its size, int32 `(batch,)`.

    Raises:
        ValueError: If an argument is out of range, or `length` is less than the
            length of what is generated.
        NotImplementedError: If TensorFlow compiles it with XLA.

    Example:

    ```python
    tokenizer = lm.preprocessor.tokenizer
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}}
    constraint = GrammarConstraint.from_json_schema(
        schema, tokenizer, vocabulary_size, tokenizer.end_token_id
    )
    lm.compile(
        sampler=ConstrainedSampler("greedy", constraint), jit_compile=False
    )
    ```

    An engine of one's own, for token 3 twice:

    >>> from keras_tricks.samplers import GrammarConstraint
    >>> class Twice:
    ...     def __init__(self, left=2):
    ...         self.left = left
    ...
    ...     def accept_token(self, token):
    ...         self.left -= 1
    ...         return token == 3 and self.left >= 0
    ...
    ...     def fill_next_token_bitmask(self, bitmask, index):
    ...         bitmask[index] = 1 << 3 if self.left else 1 << 1
    ...         return True
    ...
    ...     def fork(self):
    ...         return Twice(self.left)
    >>> twice = GrammarConstraint(Twice, vocabulary_size=5, end_token_id=1)
    >>> [twice.is_whole(answer) for answer in ([3, 3], [3], [3, 4])]
    [True, False, False]

    Reference:
        Dong et al., 2024, XGrammar: https://arxiv.org/abs/2411.15100.
    """

    def __init__(
        self,
        matcher: Callable[[], Any],
        vocabulary_size: int,
        end_token_id: int,
        length: int = 256,
    ):
        super().__init__(vocabulary_size, end_token_id)
        if not callable(matcher):
            raise ValueError(
                "`matcher` must be a function that returns a new matcher. "
                f"Received: matcher={matcher!r}"
            )
        self.matcher = matcher
        self.length = check_positive_int("length", length)
        self._matchers = Matchers(matcher, vocabulary_size, end_token_id)

    @classmethod
    def from_json_schema(
        cls,
        schema: Any,
        tokens: Any,
        vocabulary_size: int,
        end_token_id: int,
        length: int = 256,
    ) -> "GrammarConstraint":
        """Allow JSON of a schema; needs the package `xgrammar`.

        Args:
            schema: JSON schema, as a dict or a string.
            tokens: KerasHub byte-pair or SentencePiece tokenizer; or a list
                with the text of each token, as it is put together, `None` for
                those that are no text.
            vocabulary_size: As in the constructor.
            end_token_id: As in the constructor.
            length: As in the constructor. Defaults to `256`.
        """
        matcher = JSONMatcher(schema, tokens, vocabulary_size, end_token_id)
        return cls(matcher, vocabulary_size, end_token_id, length)

    @property
    def max_length(self) -> int:
        """Tokens of the longest answer that there is room for."""
        return self.length

    def initial_state(self, batch_size: Any) -> tuple[Tensor, Tensor]:
        tokens = ops.full((batch_size, self.length), -1, "int32")
        return tokens, ops.zeros((batch_size,), "int32")

    def advance(
        self, state: tuple[Tensor, Tensor], token: Tensor
    ) -> tuple[Tensor, Tensor]:
        tokens, size = state
        here = ops.arange(self.length, dtype="int32") == size[:, None]
        token = ops.cast(token, "int32")[:, None]
        return ops.where(here, token, tokens), size + 1

    def allowed(self, state: tuple[Tensor, Tensor]) -> Tensor:
        tokens, size = state
        shape = (tokens.shape[0], self.vocabulary_size)
        return _backend.call_on_host(
            self._matchers.masks, shape, "bool", tokens, size
        )

    def is_whole(self, answer: Sequence[int]) -> bool:
        """Whether an answer, without its end token, is a sentence.

        One that `max_length` cut is none, nor one that ended where no token
        spells what had to follow.
        """
        return self._matchers.is_whole(tuple(int(token) for token in answer))

    def get_config(self) -> dict:
        matcher = keras.saving.serialize_keras_object(self.matcher)
        own = {"matcher": matcher, "length": self.length}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config: dict) -> "GrammarConstraint":
        matcher = keras.saving.deserialize_keras_object(config["matcher"])
        return cls(**{**config, "matcher": matcher})
