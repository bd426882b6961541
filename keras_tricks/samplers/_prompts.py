"""Prompts of different lengths, and the scores of what may follow them."""

from collections.abc import Sequence
from typing import Any

from keras import ops

from keras_tricks.samplers.constraint import Constraint

Tensor = Any

# exp(−1e9) is 0, and a row of −1e9 is no NaN. The end token is the one of the
# forbidden that is taken where nothing is allowed, and what is allowed comes
# before it, also where the model gives it −inf.
FORBIDDEN = -1e9
FORBIDDEN_END = -1e8
ALLOWED = -1e7


def prepare(prompt: Tensor, index: Any, mask: Any) -> tuple[Tensor, Tensor]:
    """Where each row's answer begins, and the mask of what is before it.

    That is the index, or the place after the last token that the mask marks:
    padding on the left, too, belongs to the prompt.
    """
    if mask is None:
        mask = ops.zeros_like(prompt, dtype="bool")
    places = ops.arange(1, prompt.shape[1] + 1, dtype="int32")
    marked = ops.where(ops.cast(mask, "bool"), places, 0)
    last = ops.cast(ops.max(marked, axis=-1), "int32")
    start = ops.maximum(last, ops.cast(index, "int32"))
    return start, places <= start[:, None]


def check(constraint: Constraint, prompt: Tensor, stop_token_ids: Any) -> None:
    """Raise where no answer has room or none would be seen to end."""
    constraint.check_stop_tokens(stop_token_ids)
    if prompt.shape[1] < constraint.min_length:
        raise ValueError(
            "`max_length` must leave room for the prompt and the shortest "
            f"answer, {constraint.min_length} tokens with its end. Received: "
            f"prompts of length {prompt.shape[1]}"
        )
    longest = constraint.max_length
    if longest is not None and prompt.shape[1] > longest:
        raise ValueError(
            "`length` of the constraint must be at least that of what is "
            f"generated, {prompt.shape[1]} tokens. Received: length={longest}"
        )


def without_stops(
    prompt: Tensor, mask: Tensor, stop_token_ids: Sequence[int] | None
) -> Tensor:
    """The prompts, with no stop token where nothing is given.

    A sampler takes a stop token there for one that it generated, and padding
    may be one.
    """
    if stop_token_ids is None:
        return prompt
    stops = {int(i) for i in stop_token_ids}
    filler = min(set(range(len(stops) + 1)) - stops)
    return ops.where(mask, prompt, ops.cast(filler, prompt.dtype))


def after_stops(
    filled: Tensor,
    prompt: Tensor,
    mask: Tensor,
    stop_token_ids: Sequence[int] | None,
) -> Tensor:
    """The filled prompts, with their own padding after the first stop."""
    if stop_token_ids is None:
        return filled
    stops = ops.zeros_like(mask)
    for stop in stop_token_ids:
        stops = ops.logical_or(stops, filled == stop)
    stops = ops.cast(ops.logical_and(stops, ops.logical_not(mask)), "int32")
    after = ops.cumsum(stops, axis=-1) - stops > 0
    return ops.where(after, prompt, filled)


def column(prompt: Tensor, index: Any) -> Tensor:
    """The tokens at one place, the nearest where it lies outside."""
    place = ops.clip(ops.cast(index, "int32"), 0, prompt.shape[1] - 1)
    return ops.cast(ops.take(prompt, place, axis=1), "int32")


def choose(condition: Any, new: Tensor, old: Tensor) -> Tensor:
    """`new` in the rows where the condition holds, else `old`."""
    shape = (-1,) + (1,) * (len(new.shape) - 1)
    return ops.where(ops.reshape(condition, shape), new, old)


def pick(table: Tensor, column: Tensor) -> Tensor:
    """One column of each row."""
    return ops.take_along_axis(table, column[:, None], axis=1)[:, 0]


def restrict(constraint: Constraint, state: Any, logits: Tensor) -> Tensor:
    """Scores in float32, forbidden tokens far below all others."""
    check_vocabulary(constraint, logits)
    logits = ops.cast(logits, "float32")
    logits = constraint.rescore(state, logits)
    tokens = ops.arange(constraint.vocabulary_size, dtype="int32")
    # In float32 whatever `floatx` is: float16 would make them −inf.
    end = ops.cast(FORBIDDEN_END, "float32")
    floor = ops.where(tokens == constraint.end_token_id, end, FORBIDDEN)
    logits = ops.maximum(logits, ALLOWED)
    return ops.where(constraint.allowed(state), logits, floor)


def force(logits: Tensor, prompt: Tensor, index: Any, start: Tensor) -> Tensor:
    """Scores that leave a row whose prompt goes on its next token alone."""
    given = column(prompt, index)[:, None]
    tokens = ops.arange(logits.shape[-1], dtype="int32")
    zero = ops.cast(0, "float32")
    only = ops.where(tokens == given, zero, FORBIDDEN)
    return ops.where((index < start)[:, None], only, logits)


def check_vocabulary(constraint: Constraint, logits: Tensor) -> None:
    """Raise where the model has another vocabulary."""
    if logits.shape[-1] != constraint.vocabulary_size:
        raise ValueError(
            "`vocabulary_size` of the constraint must be that of the model's "
            f"scores, {logits.shape[-1]}. Received: "
            f"vocabulary_size={constraint.vocabulary_size}"
        )
