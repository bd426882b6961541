"""Longest common subsequences with a question, a token at a time.

Of a text `y` and the question `q` a row of lengths is kept, for every part of
the question: `a[j] = LCS(y, q[:j])` where `y` grows at its end, and
`b[j] = LCS(y, q[j:])` where it grows at its beginning, for j from 0 to `|q|`.
"""

from typing import Any

from keras import ops

Tensor = Any


def append(row: Tensor, question: Tensor, token: Tensor) -> Tensor:
    """`a` after a token: `max(a'[j − 1], a[j], a[j − 1] + [q_j = w])`."""
    matched = ops.cast(question == token[..., None], row.dtype)
    better = ops.maximum(row[..., 1:], row[..., :-1] + matched)
    return running_max(ops.concatenate([row[..., :1], better], axis=-1))


def prepend(row: Tensor, question: Tensor, token: Tensor) -> Tensor:
    """`b` with a token before it, the same from right to left."""
    flipped = append(ops.flip(row, axis=-1), ops.flip(question, axis=-1), token)
    return ops.flip(flipped, axis=-1)


def running_max(x: Tensor) -> Tensor:
    """The largest so far along the last axis of numbers from 0 on."""
    size, shift = x.shape[-1], 1
    none = ((0, 0),) * (len(x.shape) - 1)
    while shift < size:
        moved = ops.pad(x[..., : size - shift], (*none, (shift, 0)))
        x = ops.maximum(x, moved)
        shift *= 2
    return x
