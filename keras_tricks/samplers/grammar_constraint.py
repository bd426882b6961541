"""Only what a grammar engine on the host allows."""

import collections
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_tricks import _backend
from keras_tricks._checks import check_positive_int
from keras_tricks.samplers._json_schema import JSONMatcher
from keras_tricks.samplers.constraint import Constraint

Tensor = Any

# Matchers kept, the last used: those of a batch and its beams, and the way
# there. One that was dropped is made again from its tokens.
MAX_MATCHERS = 4096


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
    JAX, PyTorch and TensorFlow have
    such callbacks; XLA under TensorFlow has none, so there the model is
    compiled with `jit_compile=False`. Where the answers can be listed, or a
    regular expression tells them, `TrieConstraint` and `TokenAutomaton` stay on
    the device.

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
        self._matchers: collections.OrderedDict = collections.OrderedDict()

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
        return _backend.call_on_host(self._masks, shape, "bool", tokens, size)

    def is_whole(self, answer: Sequence[int]) -> bool:
        """Whether an answer, without its end token, is a sentence.

        One that `max_length` cut is none, nor one that ended where no token
        spells what had to follow.
        """
        matcher = self._matcher_of(tuple(int(token) for token in answer))
        tokens, size = np.array([answer], "int32"), np.array([len(answer)])
        mask = self._masks(tokens.reshape(1, -1), size)
        return matcher is not None and bool(mask[0, self.end_token_id])

    def _masks(self, tokens: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """A mask for each row's tokens."""
        words = np.zeros((len(tokens), -(-self.vocabulary_size // 32)), "int32")
        ended = np.zeros(len(tokens), bool)
        for row, (answer, size) in enumerate(zip(tokens, sizes, strict=True)):
            prefix = tuple(answer[:size].tolist())
            matcher = self._matcher_of(prefix)
            ended[row] = matcher is None
            # It returns false, and writes nothing, where all is allowed.
            if matcher and not matcher.fill_next_token_bitmask(words, row):
                words[row] = -1
        bits = np.unpackbits(words.view("uint8"), axis=1, bitorder="little")
        mask = bits[:, : self.vocabulary_size].astype(bool)
        mask[ended] = np.arange(self.vocabulary_size) == self.end_token_id
        return mask

    def _matcher_of(self, prefix: tuple[int, ...]) -> Any:
        """The matcher after some tokens, `None` after an end or a wrong one."""
        known = len(prefix)
        while known and prefix[:known] not in self._matchers:
            known -= 1
        if () not in self._matchers:
            self._matchers[()] = self.matcher()
        matcher = self._matchers[prefix[:known]]
        for size in range(known, len(prefix)):
            matcher = self._after(matcher, prefix[size])
            self._matchers[prefix[: size + 1]] = matcher
        self._matchers.move_to_end(prefix)
        while len(self._matchers) > MAX_MATCHERS:
            self._matchers.popitem(last=False)
        return matcher

    def _after(self, matcher: Any, token: int) -> Any:
        if matcher is None or token == self.end_token_id:
            return None
        matcher = matcher.fork()
        return matcher if matcher.accept_token(token) else None

    def get_config(self) -> dict:
        matcher = keras.saving.serialize_keras_object(self.matcher)
        own = {"matcher": matcher, "length": self.length}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config: dict) -> "GrammarConstraint":
        matcher = keras.saving.deserialize_keras_object(config["matcher"])
        return cls(**{**config, "matcher": matcher})
