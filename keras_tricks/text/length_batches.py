"""Batches that are padded no further than to their longest row."""

import math
import random
from typing import Any

import keras
import numpy as np

from keras_tricks._arrays import real_array
from keras_tricks._checks import check_flag
from keras_tricks._checks import check_positive_int

# Compilers make a program for each length they meet, so there must be few.
_STEP = 16


class LengthBatches(keras.utils.PyDataset):
    """Maps features of texts, or of pairs, to batches without excess padding.

    Each batch ends where its longest row ends, rounded up to a multiple of 16
    tokens, so that a compiler makes few programs. `fit`, `evaluate` and
    `predict` of any Keras model take it.

    In training, `shuffle=True`, rows are in a new random order each epoch. Else
    the longest come first, so that rows of one batch are about equally long,
    and `restore` puts what a model gave for them into the order of the texts.

    When it does not help: texts that are all about as long.

    Args:
        x: Features of texts, a dict of arrays `(rows, length)` with a
            `padding_mask` among them, or a pair of such dicts, whose batches
            have one length. Padding follows the tokens.
        labels: Optional array with a label per row. Defaults to `None`.
        weights: Optional array with a weight per row, beside `labels`.
            Defaults to `None`.
        batch_size: Rows in a batch. Defaults to `32`.
        shuffle: Whether to shuffle the rows each epoch. Defaults to `False`.

    Returns:
        A `keras.utils.PyDataset` of `(x,)`, `(x, labels)` or
        `(x, labels, weights)`.

    Raises:
        ValueError: If an argument is not one of the above.

    Example:

    >>> import numpy as np
    >>> from keras_tricks.text import LengthBatches
    >>> mask = np.arange(40) < np.array([[5], [20], [40], [3]])
    >>> batches = LengthBatches({"padding_mask": mask}, batch_size=2)
    >>> [x["padding_mask"].shape for (x,) in (batches[0], batches[1])]
    [(2, 40), (2, 16)]
    """

    def __init__(
        self,
        x: Any,
        labels: np.ndarray | None = None,
        weights: np.ndarray | None = None,
        batch_size: int = 32,
        shuffle: bool = False,
    ):
        super().__init__()
        self.x = x
        self.batch_size = check_positive_int("batch_size", batch_size)
        masks = read_masks(x)
        self.targets = read_targets(labels, weights, len(masks[0]))
        self.lengths = np.max([mask.sum(axis=1) for mask in masks], axis=0)
        self.shuffle = check_flag("shuffle", shuffle)
        # Seeded by `keras.utils.set_random_seed`, as everything in training.
        self._random = np.random.default_rng(random.getrandbits(32))
        self._least = _STEP
        self.on_epoch_end()
        if len(set(map(self._length, self._batches))) == 1:
            # And so it must be in all epochs; see `_vary_first_lengths`.
            self._least = self._length(self._batches[0])

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple:
        rows = self._batches[index]
        length = self._length(rows)
        x = keras.tree.map_structure(lambda of: of[rows, :length], self.x)
        return (x, *(each[rows] for each in self.targets))

    def restore(self, outputs: np.ndarray) -> np.ndarray:
        """What a model gave for the batches, in the order of the rows."""
        return outputs[np.argsort(np.concatenate(self._batches))]

    def on_epoch_end(self) -> None:
        """Put the rows into the order of the next epoch."""
        if self.shuffle:
            order = self._random.permutation(len(self.lengths))
        else:
            order = np.argsort(-self.lengths, kind="stable")
        starts = range(self.batch_size, len(order), self.batch_size)
        self._batches = np.split(order, starts)
        self._vary_first_lengths()

    def _length(self, rows: np.ndarray) -> int:
        longest = self.lengths[rows].max(initial=0)
        return max(_STEP * math.ceil(longest / _STEP), self._least)

    def _vary_first_lengths(self) -> None:
        # Where all batches that Keras looks at, the first two, have one length,
        # it tells TensorFlow that all have.
        lengths = [self._length(rows) for rows in self._batches]
        others = [i for i, n in enumerate(lengths) if n != lengths[0]]
        if others:
            batches, at = self._batches, others[0]
            batches[1], batches[at] = batches[at], batches[1]


def read_masks(x: Any) -> list[np.ndarray]:
    """The padding masks of the sides, of as many rows, or raise."""
    sides = (x,) if isinstance(x, dict) else x
    try:
        masks = [np.asarray(side["padding_mask"]) for side in sides]
        rows = {mask.shape[0] for mask in masks if mask.ndim == 2}
    except (IndexError, KeyError, TypeError, ValueError):
        masks, rows = [], set()
    if not masks or len(rows) != 1:
        raise ValueError(
            "`x` must be a dict of arrays with a `padding_mask` `(rows, "
            f"length)`, or two of as many rows. Received: x={x!r}"
        )
    return masks


def read_targets(labels: Any, weights: Any, rows: int) -> list[np.ndarray]:
    """What is given of labels and weights, a row for each of `x`, or raise."""
    if labels is None and weights is not None:
        raise ValueError(
            "`weights` must come with `labels`. Received: "
            f"weights={weights!r} and labels=None"
        )
    targets = []
    for name, column in (("labels", labels), ("weights", weights)):
        if column is None:
            continue
        array = real_array(name, column)
        if array.shape[:1] != (rows,):
            raise ValueError(
                f"`{name}` must be an array with a row for each of the {rows} "
                f"in `x`. Received: {name} of shape {array.shape}"
            )
        targets.append(array)
    return targets
