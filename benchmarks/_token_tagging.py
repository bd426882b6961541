"""The per-token softmax baseline: begin, inside and outside tags."""

import keras
import numpy as np
from keras import ops


class TagCrossentropy(keras.losses.Loss):
    """Mean softmax cross-entropy of tags; −1 is no tag."""

    def call(self, y_true, y_pred):
        real = ops.cast(y_true >= 0, y_pred.dtype)
        tags = ops.cast(ops.maximum(y_true, 0), "int32")
        loss = keras.losses.sparse_categorical_crossentropy(
            tags, y_pred, from_logits=True
        )
        total = ops.sum(real, axis=-1)
        return ops.divide_no_nan(ops.sum(loss * real, axis=-1), total)


def tag_scores(features, num_types):
    """A softmax layer's logits: outside, then begin and inside per type."""
    return keras.layers.Dense(1 + 2 * num_types, name="tags")(features)


def spans_to_tags(labels, span_mask):
    """`[type, first, last]` rows → tags; longer spans win, overlaps counted.

    Returns:
        Tags `(rows, length)`, −1 outside `span_mask`, and the number of spans
        that share a token with a longer one and so have no tags.
    """
    tags = np.where(span_mask > 0, 0, -1)
    missed = 0
    for row, of_row in enumerate(labels):
        real = {tuple(span) for span in of_row.tolist() if span[0] >= 0}
        for kind, first, last in sorted(real, key=lambda s: s[1] - s[2]):
            if (tags[row, first : last + 1] > 0).any():
                missed += 1
                continue
            tags[row, first : last + 1] = 2 + 2 * kind
            tags[row, first] = 1 + 2 * kind
    return tags, missed


def valid_tags(scores):
    """The likeliest tags of which each inside one continues its own type.

    Args:
        scores: Logits `(length, num_tags)` of one row, the tags of
            `spans_to_tags`.
    """
    if not len(scores):
        return np.zeros(0, "int64")
    tags = np.arange(scores.shape[1])
    inside = (tags > 0) & (tags % 2 == 0)
    follows = ~inside | (tags[:, None] == tags) | (tags[:, None] == tags - 1)
    barred = np.where(follows, 0.0, -np.inf)
    best, came_from = np.where(inside, -np.inf, scores[0]), []
    for step in scores[1:]:
        ways = best[:, None] + barred
        came_from.append(ways.argmax(axis=0))
        best = ways.max(axis=0) + step
    path = [int(best.argmax())]
    for came in reversed(came_from):
        path.append(int(came[path[-1]]))
    return np.array(path[::-1])


def tags_to_spans(tags, offsets, labels):
    """Best tags of one row → `(start, end, label)` spans of its text."""
    spans, open_span = [], None
    for (start, end), tag in zip(offsets.tolist(), tags.tolist(), strict=True):
        if end <= start:
            continue
        kind, inside = (tag - 1) // 2, tag > 0 and tag % 2 == 0
        if inside and open_span and open_span[2] == labels[kind]:
            open_span[1] = end
            continue
        if open_span:
            spans.append(tuple(open_span))
        # An inside tag with nothing to continue starts a span.
        open_span = [start, end, labels[kind]] if tag > 0 else None
    if open_span:
        spans.append(tuple(open_span))
    return spans
