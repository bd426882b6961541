"""Masks of weights: drawn from a hash of their position, or chosen by rank.

A drawn mask is a function of integers: it needs no memory and no generator's
state, and is the same on every backend, compiled or not. The hash is lowbias32,
which Chris Wellons searched for and tested
(https://nullprogram.com/blog/2018/07/31/). A second key word enters between its
multiplications, so that the masks of two keys are no reordering of each other.
"""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from keras_tricks._backend import in_pieces
from keras_tricks._backend import scramble

Tensor = Any

LEVELS = 1 << 16


def draw_mask(
    shape: Sequence[int], rate: float, seed: int, step: Tensor, index: int
) -> Tensor:
    """Booleans of `shape`, each true with probability `kept_rate(rate)`.

    A hash of 32 bits serves two entries, its lower half the first of them.

    Args:
        shape: Shape of the mask.
        rate: Probability of true, above 0 and below 1.
        seed: Integer of 32 bits: which sequence of masks.
        step: Integer scalar: which of the sequence.
        index: Integer: which mask of that step.
    """
    size = int(np.prod(shape, dtype="int64"))
    step = ops.cast(step, "int32")
    first, second = (mix(ops.bitwise_xor(step, k)) for k in keys(seed, index))

    def draw(start: int, stop: int) -> Tensor:
        word = ops.arange(start, stop, dtype="int32")
        word = mix(ops.bitwise_xor(word, first), second)
        # A view and no shift: compiled, it is one loop with what uses the mask.
        halves = ops.reshape(ops.view(word, "int16"), (-1,))
        return halves < levels(rate) - LEVELS // 2

    mask = in_pieces(draw, (size + 1) // 2)
    return ops.reshape(mask[:size], shape)


def checked_seed(seed: int | None) -> int:
    """Return `seed`, or one that is drawn, if it has 32 bits, else raise."""
    drawn = random.randrange(2**32) if seed is None else seed
    if type(drawn) is not int or not 0 <= drawn < 2**32:
        raise ValueError(
            "`seed` must be an integer from 0 to 2**32 - 1. "
            f"Received: seed={seed!r}"
        )
    return drawn


def kept_rate(rate: float) -> float:
    """The multiple of 2⁻¹⁶ next to `rate`, at least one and below 1."""
    return levels(rate) / LEVELS


def levels(rate: float) -> int:
    return min(max(round(rate * LEVELS), 1), LEVELS - 1)


def mix(x: Tensor, key: Any = 0) -> Tensor:
    """Map int32 to int32, one to one, each bit of the result from all of `x`.

    With key 0 it is lowbias32. On PyTorch the result takes the place of `x`.
    """
    x = scramble(x, 16, signed(0x7FEB352D))
    x = ops.bitwise_xor(x, key)
    x = scramble(x, 15, signed(0x846CA68B))
    return scramble(x, 16, 1)


def keys(seed: int, index: int) -> tuple[int, int]:
    """Two key words of the mask `index`, for each seed others."""
    state = np.random.SeedSequence((seed, index)).generate_state(2)
    return signed(int(state[0])), signed(int(state[1]))


def signed(word: int) -> int:
    """The int32 with the bits of an unsigned word."""
    return word - (word >> 31 << 32)


def top_entries(
    scores: Sequence[np.ndarray], fraction: float
) -> list[np.ndarray]:
    """True at the greatest `fraction` of all entries together, else false.

    Exactly `round(fraction · entries)` are true, at least one. Among equal
    scores those that come first are taken. The bits of a float that is not
    negative are ordered as it is, so the last score that is taken is found by
    counting: first the upper 16 bits of all, then the lower 16 of those that
    agree with it in the upper. Beside the masks, it takes about 20 MB.

    Args:
        scores: Float32 arrays, not negative; `inf` is always taken first.
        fraction: Between 0 and 1.
    """
    bits = [np.ascontiguousarray(s, "float32").view("uint32") for s in scores]
    places = max(round(fraction * sum(b.size for b in bits)), 1)
    upper = count(bits, lambda b: b >> 16)
    first, places = last_taken(upper, places)
    lower = count(bits, lambda b: b[b >> 16 == first] & 0xFFFF)
    second, places = last_taken(lower, places)
    return take(bits, first << 16 | second, places)


def count(bits: list[np.ndarray], part: Any) -> np.ndarray:
    """How often each of 2¹⁶ values occurs."""
    total = np.zeros(LEVELS, "int64")
    for chunk in chunks(bits):
        total += np.bincount(part(chunk), minlength=LEVELS)
    return total


def last_taken(counts: np.ndarray, places: int) -> tuple[int, int]:
    """The value that the last of `places` goes to, and how many it has left.

    Places are given from the greatest value down.
    """
    given = np.cumsum(counts[::-1])
    position = int(np.searchsorted(given, places))
    before = int(given[position] - counts[::-1][position])
    return LEVELS - 1 - position, places - before


def take(
    bits: list[np.ndarray], threshold: int, equals: int
) -> list[np.ndarray]:
    """True above the threshold, and at the first `equals` that are on it."""
    masks = [np.empty(array.shape, bool) for array in bits]
    for chunk, mask in zip(chunks(bits), chunks(masks), strict=True):
        np.greater(chunk, threshold, out=mask)
        on = np.flatnonzero(chunk == threshold)[:equals]
        mask[on] = True
        equals -= len(on)
    return masks


def chunks(arrays: list[np.ndarray], size: int = 1 << 20) -> Any:
    """Views of the arrays, flat and of at most `size` entries."""
    for array in arrays:
        flat = array.reshape(-1)
        for start in range(0, flat.size, size):
            yield flat[start : start + size]
