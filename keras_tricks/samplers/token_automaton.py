"""Only what a finite automaton over tokens accepts."""

import functools
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_tricks.samplers._automaton import check_edges
from keras_tricks.samplers._automaton import check_tokens
from keras_tricks.samplers._automaton import compile_expression
from keras_tricks.samplers._automaton import gather_edges
from keras_tricks.samplers._automaton import integers
from keras_tricks.samplers._automaton import steps_to_accept
from keras_tricks.samplers._edges import Edges
from keras_tricks.samplers.constraint import Constraint

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class TokenAutomaton(Constraint):
    """Maps the state of a finite automaton to the tokens on its edges.

    ```
    s_0 = initial    A(s) = {w : (s, w) has an edge} ∪ {end : s accepts}
    s_(t+1) = target of the edge (s_t, w_t)
    ```

    Edges are kept as a sparse matrix by rows: `tokens` and `targets` of state
    `s` are those from `starts[s]` to `starts[s + 1] − 1`. `from_regex` compiles
    a regular expression over a tokenizer's vocabulary. Nothing runs on the host
    while tokens are generated, so it compiles on every backend.

    Edges take 8 bytes; `.{1,200}` over 50,000 tokens has 10 million of them.
    What nests without bound, as JSON does, is no finite automaton: that is what
    `GrammarConstraint` is for.

    Args:
        starts: Integers `(states + 1,)`, from 0 to the number of edges.
        tokens: Integers `(edges,)`, rising within a state.
        targets: Integers `(edges,)`, the states that edges lead to.
        accepting: States in which an answer may end.
        vocabulary_size: Tokens that the model has scores for.
        end_token_id: The token that ends an answer, on no edge.
        initial: The first state. Defaults to `0`.

    Returns:
        As `Constraint`; the state is an int32 tensor `(batch,)`. A state that
        neither accepts nor has edges ends the answer too.

    Raises:
        ValueError: If the arrays do not fit together or into the vocabulary.

    Example:

    >>> from keras_tricks.samplers import TokenAutomaton
    >>> ab_star_c = {0: {4: 1}, 1: {5: 1, 6: 2}}
    >>> automaton = TokenAutomaton.from_transitions(
    ...     ab_star_c,
    ...     initial=0,
    ...     accepting=[2],
    ...     vocabulary_size=8,
    ...     end_token_id=1,
    ... )
    >>> state = automaton.initial_state(1)
    >>> for token in (4, 5):
    ...     state = automaton.advance(state, keras.ops.array([token]))
    >>> mask = keras.ops.convert_to_numpy(automaton.allowed(state))[0]
    >>> mask.nonzero()[0].tolist()
    [5, 6]

    Reference:
        Willard and Louf, 2023: https://arxiv.org/abs/2307.09702.
    """

    def __init__(
        self,
        starts: Any,
        tokens: Any,
        targets: Any,
        accepting: Sequence[int],
        vocabulary_size: int,
        end_token_id: int,
        initial: int = 0,
    ):
        super().__init__(vocabulary_size, end_token_id)
        self.starts = starts = integers("starts", starts)
        self.tokens = tokens = integers("tokens", tokens)
        self.targets = targets = integers("targets", targets)
        self.accepting = np.unique(integers("accepting", accepting))
        self.initial = int(integers("initial", [initial])[0])
        check_edges(starts, tokens, targets, self.accepting, self.initial)
        check_tokens(tokens, vocabulary_size, end_token_id)
        # Accepting states get one more edge, the first, to the end; the state
        # after the last has no edges: where an answer has ended.
        self.num_states = starts.size - 1
        states = np.arange(self.num_states + 1)
        rows = starts + np.searchsorted(self.accepting, states)
        places = starts[self.accepting]
        targets = np.insert(targets, places, self.num_states)
        self._targets = ops.convert_to_tensor(np.append(targets, 0), "int32")
        self.edges = Edges(
            np.append(rows, rows[-1]),
            np.insert(tokens, places, -1),
            vocabulary_size,
            end_token_id,
        )

    @classmethod
    def from_transitions(
        cls,
        transitions: Mapping[int, Mapping[int, int]],
        initial: int,
        accepting: Sequence[int],
        vocabulary_size: int,
        end_token_id: int,
    ) -> "TokenAutomaton":
        """Build from nested dicts.

        Args:
            transitions: Dict from a state (any integer) to a dict from a token
                to the next state. Edges with the end token are left out.
            initial: The first state.
            accepting: States in which an answer may end.
            vocabulary_size: As in the constructor.
            end_token_id: As in the constructor.
        """
        starts, tokens, targets, final, first = gather_edges(
            transitions, initial, accepting, end_token_id
        )
        return cls(
            starts,
            tokens,
            targets,
            final,
            vocabulary_size,
            end_token_id,
            first,
        )

    @classmethod
    def from_regex(
        cls,
        expression: str,
        tokens: Any,
        vocabulary_size: int,
        end_token_id: int,
    ) -> "TokenAutomaton":
        """Compile a regular expression; needs the package `outlines-core`.

        Args:
            expression: What the whole answer must match, in the syntax of
                Rust's crate `regex-automata`: no look-around, no references.
            tokens: KerasHub byte-pair or SentencePiece tokenizer; or a list
                with the text of each token, as it is put together, `None` for
                those that are no text.
            vocabulary_size: As in the constructor.
            end_token_id: As in the constructor.
        """
        compiled = compile_expression(
            expression, tokens, vocabulary_size, end_token_id
        )
        return cls.from_transitions(*compiled, vocabulary_size, end_token_id)

    @functools.cached_property
    def min_length(self) -> int:
        """Tokens of the shortest answer it accepts, the end among them."""
        steps = steps_to_accept(
            self.starts, self.targets, self.accepting, self.initial
        )
        return 1 if steps is None else steps + 1

    def initial_state(self, batch_size: Any) -> Tensor:
        return ops.full((batch_size,), self.initial, "int32")

    def allowed(self, state: Tensor) -> Tensor:
        return self.edges.allowed(state)

    def advance(self, state: Tensor, token: Tensor) -> Tensor:
        edge, found = self.edges.follow(state, token)
        target = ops.take(self._targets, edge, axis=0)
        return ops.where(found, target, self.num_states)

    def get_config(self) -> dict:
        arrays = ("starts", "tokens", "targets", "accepting")
        config = {name: getattr(self, name).tolist() for name in arrays}
        return {**super().get_config(), **config, "initial": self.initial}
