"""The steps of beam search over a batch.

Scores and lengths are `(batch, count)`; all that belongs to the beams' tokens
has `batch · count` rows. A score of −inf marks a beam that stands for nothing:
all but the first of each row at the start, those beyond what is allowed later.
A length of 0 marks a beam that has not ended.
"""

from collections.abc import Callable
from typing import Any

from keras import ops
from keras import tree

from keras_tricks.samplers import _prompts

Tensor = Any
NOTHING = -float("inf")


class Beams:
    """What one call of a `ConstrainedBeamSampler` computes with."""

    def __init__(self, sampler: Any, prompt: Tensor):
        self.constraint = sampler.constraint
        self.count = sampler.num_beams
        self.local = sampler.normalization == "local"
        self.penalty = sampler.length_penalty
        self.batch, self.length = ops.shape(prompt)

    def spread(self, x: Tensor) -> Tensor:
        """A copy of each row for each of its beams."""
        return ops.repeat(x, self.count, axis=0)

    def rows(self, x: Tensor) -> Tensor:
        """`(batch, count)` → `(batch · count,)`."""
        return ops.reshape(x, (self.batch * self.count,))

    def grid(self, x: Tensor) -> Tensor:
        """`(batch · count,)` → `(batch, count)`."""
        return ops.reshape(x, (self.batch, self.count))

    def first_scores(self) -> Tensor:
        """Log-probability 0 of the first beam, the others not there yet."""
        row = ops.where(ops.arange(self.count) == 0, 0.0, NOTHING)
        return ops.repeat(ops.cast(row, "float32")[None], self.batch, axis=0)

    def unfinished(
        self,
        prompt: Tensor,
        rows: Any,
        scores: Tensor,
        lengths: Any,
        index: Any,
    ) -> Tensor:
        """Whether a beam that stands for something has not ended."""
        return ops.any(ops.logical_and(scores > NOTHING, lengths == 0))

    def step(self, next: Callable, has_cache: bool) -> Callable:
        """The body of the loop: one more token for each beam."""

        def body(
            prompt: Tensor, rows: Any, scores: Tensor, lengths: Any, index: Any
        ) -> tuple:
            cache, state, start = rows
            logits, _, cache = next(prompt, cache if has_cache else None, index)
            # Rows whose prompt goes on: the same for all beams of one.
            forced = index < start
            gains = self.gains(state, logits, self.rows(lengths) > 0)
            gains = ops.where(
                forced[:, None],
                self.only(_prompts.column(prompt, index)),
                gains,
            )
            now = self.grid(ops.maximum(index + 1 - start, 1))
            beam, token, scores, lengths = self.select(
                scores, gains, lengths, now
            )
            prompt, cache, state = tree.map_structure(
                lambda x: ops.take(x, beam, axis=0),
                (prompt, cache if has_cache else (), state),
            )
            moved = self.constraint.advance(state, token)
            state = tree.map_structure(
                lambda new, old: _prompts.choose(forced, old, new), moved, state
            )
            # A beam that has ended keeps the padding of its prompt.
            keep = ops.logical_or(forced, self.rows(lengths) > 0)
            kept = _prompts.column(prompt, index)
            written = ops.cast(ops.where(keep, kept, token), prompt.dtype)
            prompt = ops.slice_update(prompt, [0, index], written[:, None])
            ends = token == self.constraint.end_token_id
            ends = ops.logical_and(ends, ops.logical_not(keep))
            lengths = ops.where(self.grid(ends), now, lengths)
            return prompt, (cache, state, start), scores, lengths, index + 1

        return body

    def gains(self, state: Any, logits: Tensor, ended: Tensor) -> Tensor:
        """Log-probabilities of allowed tokens, −inf of all others."""
        _prompts.check_vocabulary(self.constraint, logits)
        gains = ops.log_softmax(ops.cast(logits, "float32"))
        gains = self.constraint.rescore(state, gains)
        allowed = self.constraint.allowed(state)
        if self.local:
            gains = ops.where(allowed, gains, _prompts.FORBIDDEN)
            gains = ops.log_softmax(gains)
        gains = ops.where(allowed, gains, NOTHING)
        # An answer that has ended goes on with its end, for nothing.
        end = ops.full_like(ended, self.constraint.end_token_id, dtype="int32")
        return ops.where(ended[:, None], self.only(end), gains)

    def only(self, token: Tensor) -> Tensor:
        """Log-probability 0 of a token a row, −inf of all others."""
        tokens = ops.arange(self.constraint.vocabulary_size, dtype="int32")
        chosen = tokens == token[:, None]
        return ops.where(chosen, ops.cast(0, "float32"), NOTHING)

    def ranks(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """What beams are compared by."""
        if not self.penalty:
            return scores
        return scores / ops.cast(lengths, "float32") ** self.penalty

    def select(
        self, scores: Tensor, gains: Tensor, lengths: Tensor, now: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The best candidates: rows of their beams, tokens, scores, lengths."""
        size = self.constraint.vocabulary_size
        gains = ops.reshape(gains, (self.batch, self.count, size))
        totals = scores[:, :, None] + gains
        candidate = ops.where(lengths > 0, lengths, now)
        ranks = self.ranks(totals, candidate[:, :, None])
        flat = (self.batch, self.count * size)
        _, places = ops.top_k(ops.reshape(ranks, flat), k=self.count)
        places = ops.cast(
            ops.reshape(places, (self.batch, self.count)), "int32"
        )
        scores = ops.take_along_axis(ops.reshape(totals, flat), places, axis=1)
        beam = places // size
        lengths = ops.take_along_axis(lengths, beam, axis=1)
        first = self.count * ops.arange(self.batch, dtype="int32")[:, None]
        # What stands for nothing ends: a row with nothing allowed is empty.
        token = ops.where(
            scores > NOTHING, places % size, self.constraint.end_token_id
        )
        return self.rows(first + beam), self.rows(token), scores, lengths

    def best_first(
        self, prompt: Tensor, scores: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor]:
        """All beams, those that ended first, and what they are ranked by."""
        # Those of a row that the length cut are of one length, whatever it is.
        ranks = self.ranks(scores, ops.maximum(lengths, 1))
        ended = ops.where(lengths > 0, ranks, NOTHING)
        none = ops.max(ended, axis=-1, keepdims=True) == NOTHING
        _, beam = ops.top_k(ops.where(none, ranks, ended), k=self.count)
        shape = (self.batch, self.count, self.length)
        prompt = ops.take_along_axis(
            ops.reshape(prompt, shape), beam[:, :, None], axis=1
        )
        return prompt, ops.take_along_axis(ended, beam, axis=1)
