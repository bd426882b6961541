"""Any KerasHub sampler, held to what a constraint allows."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from keras import tree

from keras_tricks._checks import check_instance
from keras_tricks._optional import import_keras_hub
from keras_tricks.samplers import _prompts
from keras_tricks.samplers._find_sampler import find_sampler
from keras_tricks.samplers.constraint import Constraint

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class ConstrainedSampler:
    """Maps a KerasHub sampler to the same sampler over allowed tokens only.

    The scores `z` that the sampler sees are those of the model where the
    constraint allows, so a softmax of them is renormalised over allowed tokens:

    ```
    p(w) = exp(z_w) / Σ_(v ∈ A_t) exp(z_v)    for w ∈ A_t, else 0
    ```

    Sampler and model stay as they are: the function that scores the next token
    is wrapped, and the constraint's state rides in the cache, where beam and
    contrastive search reorder it with their beams. Rows of a batch may have
    prompts of different lengths: while a longer one is read, its next token is
    the only one allowed, so nothing is added to the score of a beam.

    Renormalised scores forget how unlikely all allowed tokens were: an answer
    that the model believes in loses against one whose first token had no rival.
    `ConstrainedBeamSampler` ranks by the model's own probabilities.

    Sampling by `top_p` sorts the vocabulary unless its `k` is set.

    Args:
        sampler: Name, configuration or object of a KerasHub sampler:
            `"greedy"`, `"beam"`, `"top_k"`, `"top_p"`, `"random"`,
            `"contrastive"`. Not `"speculative"`, which generates several tokens
            at a time.
        constraint: A `Constraint`.

    Call arguments:
        As of a KerasHub sampler: `next`, `prompt`, `cache`, `index`, `mask`,
        `stop_token_ids`, `hidden_states` and `model`.

    Returns:
        What the sampler gives: the prompts, filled. An answer that `max_length`
        cuts has no end token (`TrieConstraint.read` gives `None`).

    Raises:
        ValueError: If there is no place for the shortest answer,
            `stop_token_ids` lack the constraint's end, or the model's
            vocabulary has another size.

    Example:

    ```python
    trie = Trie.from_texts(names, lm.preprocessor.tokenizer)
    constraint = TrieConstraint(
        trie, vocabulary_size, lm.preprocessor.tokenizer.end_token_id
    )
    lm.compile(sampler=ConstrainedSampler("greedy", constraint))
    lm.generate("The capital of France is", max_length=32)
    ```

    >>> import keras
    >>> from keras_tricks.samplers import ConstrainedSampler
    >>> from keras_tricks.samplers import Trie, TrieConstraint
    >>> constraint = TrieConstraint(Trie([[2, 4], [3, 4, 4]]), 6, 1)
    >>> sampler = ConstrainedSampler("greedy", constraint)
    >>> def next(prompt, cache, index):
    ...     return keras.ops.array([[0.0, 1, 2, 3, 4, 5]]), None, cache
    >>> prompt = keras.ops.zeros((1, 5), "int32")
    >>> keras.ops.convert_to_numpy(sampler(next, prompt, index=1)).tolist()
    [[0, 3, 4, 4, 1]]

    Reference:
        Su Jianlin, 2021: https://kexue.fm/archives/8802, where forbidden tokens
        got a small probability instead of none.
    """

    def __init__(self, sampler: Any, constraint: Constraint):
        check_instance("constraint", constraint, Constraint, "a `Constraint`")
        self.sampler = find_sampler(sampler)
        self._constraint = constraint
        # Contrastive search scores tokens that it may not take.
        contrastive = import_keras_hub().samplers.ContrastiveSampler
        self._contrastive = isinstance(self.sampler, contrastive)

    @property
    def constraint(self) -> Constraint:
        """What is allowed; for another one, compile with another sampler."""
        return self._constraint

    @property
    def variables(self) -> list:
        """Seeds of the sampler, and what may change in the constraint."""
        return [*self.sampler.variables, *self.constraint.variables]

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
        start, mask = _prompts.prepare(prompt, index, mask)
        _prompts.check(self.constraint, prompt, stop_token_ids)
        last_hidden: Any = ()
        if self._contrastive and hidden_states is not None:
            last_hidden = ops.zeros_like(hidden_states[:, 0])
        state = self.constraint.initial_state(ops.shape(prompt)[0])
        filled = self.sampler(
            next=self._wrap(next, cache is not None),
            prompt=_prompts.without_stops(prompt, mask, stop_token_ids),
            cache=(() if cache is None else cache, state, start, last_hidden),
            index=index,
            mask=mask,
            stop_token_ids=stop_token_ids,
            hidden_states=hidden_states,
            model=model,
        )
        if isinstance(filled, tuple):
            return filled
        return _prompts.after_stops(filled, prompt, mask, stop_token_ids)

    def _wrap(self, next: Callable, has_cache: bool) -> Callable:
        """The function `next`, with forbidden tokens taken out."""
        constraint = self.constraint

        def constrained(prompt: Tensor, cache: Any, index: Any) -> tuple:
            inner, state, start, last_hidden = cache
            token = _prompts.column(prompt, index - 1)
            generated = index > start
            moved = constraint.advance(state, token)
            permitted = True
            if self._contrastive:
                permitted = _prompts.pick(constraint.allowed(state), token)
                permitted = ops.logical_or(permitted, index <= start)
            state = tree.map_structure(
                lambda new, old: _prompts.choose(generated, new, old),
                moved,
                state,
            )
            logits, hidden, inner = next(
                prompt, inner if has_cache else None, index
            )
            if self._contrastive and hidden is not None:
                # As near as can be to what is there already: never chosen.
                hidden = _prompts.choose(permitted, hidden, last_hidden)
                last_hidden = hidden
            inner = inner if has_cache else ()
            logits = _prompts.restrict(constraint, state, logits)
            logits = _prompts.force(logits, prompt, index, start)
            return logits, hidden, (inner, state, start, last_hidden)

        return constrained

    def get_config(self) -> dict:
        serialize = keras.saving.serialize_keras_object
        return {
            "sampler": serialize(self.sampler),
            "constraint": serialize(self.constraint),
        }

    @classmethod
    def from_config(cls, config: dict) -> "ConstrainedSampler":
        deserialize = keras.saving.deserialize_keras_object
        return cls(
            deserialize(config["sampler"]), deserialize(config["constraint"])
        )
