"""Factored span scores: three factors of every score in one tensor.

`score[a,i,j] = span[i,j] + start[i,a] + end[j,a]` for `num_types` types is kept
as `(batch, length, length + 2 · num_types)`: span, start and end side by side.
Forbidden pairs have a forbidden `span[i,j]`, whatever their start and end.
"""

from typing import Any

import numpy as np
from keras import ops

from keras_tricks._checks import check_rank

Tensor = Any

# Below this a span factor can only be a forbidden pair: −1e9, or −3e4 from
# float16.
FORBIDDEN_BELOW = -2e4


def pack(span: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Factors `(batch, length, length)`, twice `(batch, length, types)`."""
    return ops.concatenate([span, start, end], axis=-1)


def split_factors(packed: np.ndarray) -> list[np.ndarray]:
    """The three factors of one text, as float32 arrays."""
    length = len(packed)
    middle = (length + packed.shape[1]) // 2
    return np.split(packed.astype("float32"), [length, middle], axis=1)


def unpack(packed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The three factors of a packed tensor."""
    length, num_types = sizes(packed)
    return (
        packed[..., :length],
        packed[..., length : length + num_types],
        packed[..., length + num_types :],
    )


def read_shape(
    scores: Tensor, name: str = "y_pred"
) -> tuple[int | Tensor, int | Tensor, bool]:
    """`(num_types, length, factored)` of dense or factored scores, or raise."""
    if len(scores.shape) == 3:
        length, num_types = sizes(scores, name)
        return num_types, length, True
    axes = (
        "(batch, num_types, length, length)` or, factored, `(batch, length, "
        "length + 2 * num_types)"
    )
    _, num_types, *lengths = check_rank(name, scores.shape, 4, axes)
    known = {size for size in lengths if size is not None}
    if num_types == 0 or 0 in known or len(known) > 1:
        raise ValueError(
            f"`{name}` must have shape `{axes}`, none of these 0. "
            f"Received: {name} of shape {tuple(scores.shape)}"
        )
    return num_types, ops.shape(scores)[-1], False


def sizes(
    packed: Tensor, name: str = "y_pred"
) -> tuple[int | Tensor, int | Tensor]:
    """Length and number of types of a packed tensor, or raise.

    Integers, or, where TensorFlow traces without a fixed length, tensors.
    """
    axes = "(batch, length, length + 2 * num_types)"
    _, length, width = check_rank(name, packed.shape, 3, axes)
    if length is None or width is None:
        length, width = ops.shape(packed)[1:]
    elif length == 0 or width <= length or (width - length) % 2:
        raise ValueError(
            f"Factored `{name}` must have shape `{axes}` with at least one "
            f"type. Received: {name} of shape {tuple(packed.shape)}"
        )
    return length, (width - length) // 2


def scores_at(
    packed: Tensor, kind: Tensor, start: Tensor, end: Tensor
) -> Tensor:
    """Scores of `(batch, num_spans)` spans, gathered from their factors."""
    length, num_types = sizes(packed)
    width = length + 2 * num_types
    flat = ops.reshape(packed, (-1, length * width))
    places = (
        start * width + end,
        start * width + length + kind,
        end * width + length + num_types + kind,
    )
    return sum(ops.take_along_axis(flat, place, axis=1) for place in places)
