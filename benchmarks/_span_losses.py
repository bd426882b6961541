"""The span loss in three forms, and the batches it is measured on."""

import numpy as np
from keras import ops

from keras_tricks.losses import SpanCrossentropy

VARIANTS = ("factored", "dense", "published")


def make_batch(batch, length, num_types, num_spans=20):
    """Labels and packed factors, as an ordered scorer gives them."""
    rng = np.random.default_rng(0)
    shape = (batch, length, length + 2 * num_types)
    packed = rng.normal(0, 2, size=shape).astype("float32")
    packed[..., :length] -= 8
    below = np.tril(np.ones((length, length), bool), -1)
    packed[..., :length] = np.where(below, -1e9, packed[..., :length])
    start = rng.integers(0, length - 8, (batch, num_spans))
    end = start + rng.integers(0, 8, start.shape)
    kind = rng.integers(0, num_types, start.shape)
    return np.stack([kind, start, end], axis=-1).astype("int32"), packed


def losses(labels, length, num_types):
    """The variants, each from factors to a number."""
    loss = SpanCrossentropy()
    targets = np.zeros((len(labels), num_types, length, length), "float32")
    for row, spans in enumerate(labels):
        targets[(row, *spans.T)] = 1

    def published(packed):
        shape = (len(labels), num_types, length * length)
        s = ops.reshape(scores_from(packed, length), shape)
        t = ops.reshape(ops.convert_to_tensor(targets), shape)
        zero = ops.zeros_like(s[..., :1])
        return ops.mean(
            sum(
                ops.logsumexp(ops.concatenate([zero, part], -1), axis=-1)
                for part in (
                    ops.where(t > 0, -s, -float("inf")),
                    ops.where(t > 0, -float("inf"), s),
                )
            )
        )

    return {
        "factored": lambda packed: loss(labels, packed),
        "dense": lambda packed: loss(labels, scores_from(packed, length)),
        "published": published,
    }


def scores_from(packed, length):
    """Scores `(batch, types, length, length)` of packed factors."""
    num_types = (packed.shape[-1] - length) // 2
    span = packed[:, None, :, :length]
    start = ops.swapaxes(packed[..., length : length + num_types], 1, 2)
    end = ops.swapaxes(packed[..., length + num_types :], 1, 2)
    return span + start[..., None] + end[:, :, None]
