"""Beam search over what a constraint allows, in log space."""

import math
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from keras import tree

from keras_tricks._checks import check_choice
from keras_tricks._checks import check_flag
from keras_tricks._checks import check_instance
from keras_tricks._checks import check_number
from keras_tricks._checks import check_positive_int
from keras_tricks._optional import import_keras_hub
from keras_tricks.samplers import _prompts
from keras_tricks.samplers._beams import Beams
from keras_tricks.samplers.constraint import Constraint

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class ConstrainedBeamSampler:
    """Maps prompts to the best allowed answers that beam search finds.

    The `num_beams` best beginnings are kept, by

    ```
    score(y) = Σ_t log p(y_t | y_<t) / |y|^length_penalty    y_t ∈ A_t
    ```

    where `|y|` counts generated tokens, the end among them. `p` is the model's
    own probability (`"global"`), or that renormalised over the allowed tokens
    `A_t` (`"local"`). With as many beams as there are allowed beginnings
    of one length (as many as entries, for a `TrieConstraint`) it is an
    exhaustive search.

    Global by default: renormalised, a token without a rival is free, so answers
    that are forced from an unlikely first token on win over likely ones. Local
    is what a sampler wrapped in `ConstrainedSampler` sees.

    Beside KerasHub's `BeamSampler`: a beam that ended keeps its score and its
    place; prompts of different lengths in a batch give what each gives alone;
    scores stay in log space, where a probability of e^−200 is no zero; beams
    beyond the allowed are not copies.

    When it does not help: with a good model and short entries greedy search
    finds the same in 1 / `num_beams` of the time.

    Args:
        constraint: A `Constraint`.
        num_beams: Beams kept for each row. Defaults to `5`.
        normalization: `"global"` or `"local"`. Defaults to `"global"`.
        length_penalty: 0 ranks by the probability of the answer, 1 by the mean
            log-probability of its tokens. Defaults to `0.0`.
        return_all_beams: Whether a call gives all beams and their scores. Not
            inside `generate`, which has no place for them. Defaults to `False`.

    Call arguments:
        As of a KerasHub sampler: `next`, `prompt`, `cache`, `index`, `mask`,
        `stop_token_ids`, `hidden_states` and `model`.

    Returns:
        The prompts, each filled with its best answer: token ids
        `(batch, length)`. Where no beam ended within the length, the best
        beginning (`TrieConstraint.read` gives `None`). With
        `return_all_beams`, token ids `(batch, num_beams, length)`, best first,
        and scores `(batch, num_beams)`, −inf for what did not end or is no
        answer.

    Raises:
        ValueError: If an argument is out of range, there is no place for the
            shortest answer, `stop_token_ids` lack the constraint's end, or the
            model's vocabulary has another size.

    Example:

    >>> import keras
    >>> from keras_tricks.samplers import ConstrainedBeamSampler
    >>> from keras_tricks.samplers import Trie, TrieConstraint
    >>> constraint = TrieConstraint(Trie([[2, 4], [3, 4, 4]]), 6, 1)
    >>> sampler = ConstrainedBeamSampler(
    ...     constraint, num_beams=2, return_all_beams=True
    ... )
    >>> def next(prompt, cache, index):
    ...     scores = keras.ops.array([[0.0, 0, 0, 1, 0, 0]])
    ...     return keras.ops.repeat(scores, len(prompt), axis=0), None, cache
    >>> prompt = keras.ops.zeros((1, 4), "int32")
    >>> tokens, scores = sampler(next, prompt)
    >>> keras.ops.convert_to_numpy(tokens).tolist()
    [[[2, 4, 1, 0], [3, 4, 4, 1]]]
    >>> [round(float(x), 3) for x in scores[0]]
    [-6.131, -7.174]

    Reference:
        De Cao et al., 2020, GENRE: https://arxiv.org/abs/2010.00904 (global);
        Su Jianlin, 2021: https://kexue.fm/archives/8802 (local).
    """

    def __init__(
        self,
        constraint: Constraint,
        num_beams: int = 5,
        normalization: str = "global",
        length_penalty: float = 0.0,
        return_all_beams: bool = False,
    ):
        check_instance("constraint", constraint, Constraint, "a `Constraint`")
        self._constraint = constraint
        self.num_beams = check_positive_int("num_beams", num_beams)
        self.normalization = check_choice(
            "normalization", normalization, ("global", "local")
        )
        self.length_penalty = float(
            check_number(
                "length_penalty",
                length_penalty,
                math.isfinite,
                "a finite number",
            )
        )
        self.return_all_beams = check_flag("return_all_beams", return_all_beams)
        # Its loop carries the model's variables through JAX.
        self._loop = import_keras_hub().samplers.Sampler()

    @property
    def constraint(self) -> Constraint:
        """What is allowed; for another one, compile with another sampler."""
        return self._constraint

    @property
    def variables(self) -> list:
        """What may change in the constraint between calls."""
        return self.constraint.variables

    def __call__(
        self,
        next: Callable,
        prompt: Tensor,
        cache: Any = None,
        index: Any = 0,
        mask: Tensor | None = None,
        stop_token_ids: Sequence[int] | None = None,
        hidden_states: Tensor | None = None,
        model: Any = None,
        **kwargs: Any,
    ) -> Any:
        if self.return_all_beams and model is not None:
            raise ValueError(
                "`return_all_beams` is for calls of the sampler itself: "
                "`generate` has one place for each prompt. Received: "
                "return_all_beams=True"
            )
        start, _ = _prompts.prepare(prompt, index, mask)
        _prompts.check(self.constraint, prompt, stop_token_ids)
        beams = Beams(self, prompt)
        state = self.constraint.initial_state(beams.batch)
        rows = (() if cache is None else cache, state, start)
        index = ops.cast(index, "int32")
        filled, _, scores, lengths, _ = self._loop.run_loop(
            beams.unfinished,
            beams.step(next, cache is not None),
            loop_vars=(
                beams.spread(prompt),
                tree.map_structure(beams.spread, rows),
                beams.first_scores(),
                ops.zeros((beams.batch, beams.count), "int32"),
                index,
            ),
            maximum_iterations=beams.length - index,
            model=model,
        )
        filled, scores = beams.best_first(filled, scores, lengths)
        return (filled, scores) if self.return_all_beams else filled[:, 0]

    def get_config(self) -> dict:
        serialize = keras.saving.serialize_keras_object
        return {
            "constraint": serialize(self.constraint),
            "num_beams": self.num_beams,
            "normalization": self.normalization,
            "length_penalty": self.length_penalty,
            "return_all_beams": self.return_all_beams,
        }

    @classmethod
    def from_config(cls, config: dict) -> "ConstrainedBeamSampler":
        deserialize = keras.saving.deserialize_keras_object
        constraint = deserialize(config["constraint"])
        return cls(**{**config, "constraint": constraint})
