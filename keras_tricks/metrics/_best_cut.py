"""The best cut between the sorted scores of an epoch."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_tricks.metrics._collected_scores import CollectedScores

Tensor = Any


class BestThreshold(CollectedScores):
    """Base of a metric at its best threshold; a subclass scores the cuts."""

    def of_samples(
        self, label: Tensor, score: Tensor, weight: Tensor
    ) -> dict[str, Tensor]:
        proper = ops.isfinite(score) & ((label == 0) | (label == 1))
        proper = ops.all(proper & ops.isfinite(weight))
        # Samples of no weight go behind all others, and no cut between them.
        score = ops.where(weight > 0, score, float("inf"))
        order = ops.argsort(score)
        s, y, w = (ops.take(x, order) for x in (score, label, weight))
        hits, predicted = above_cuts(w * y), above_cuts(w)
        best, threshold = best_cut(s, self.score_cuts(hits, predicted))
        known = proper & (predicted[0] > 0)
        return {
            self.name: ops.where(known, best, float("nan")),
            f"{self.name}_threshold": ops.where(known, threshold, float("nan")),
        }

    def score_cuts(self, hits: Tensor, predicted: Tensor) -> Tensor:
        """The metric at each cut, given what is above it.

        Args:
            hits: Weight of the positive samples above each of the n + 1 cuts;
                above the first are all.
            predicted: Weight of all samples above it.
        """
        raise NotImplementedError


def above_cuts(x: Tensor) -> Tensor:
    """Sums of the last n, n − 1, …, 0 numbers."""
    return ops.pad(ops.flip(ops.cumsum(ops.flip(x))), ((0, 1),))


def best_cut(s: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """The best value, and the threshold amid the widest cut that has it."""
    dtype = keras.backend.standardize_dtype(s.dtype)
    end = ops.full((1,), float("inf"), dtype)
    low, high = ops.concatenate([-end, s]), ops.concatenate([s, end])
    is_cut = high > low
    best = ops.max(ops.where(is_cut, value, -1.0))
    # A compiler may compute a quotient twice, and round it in two ways.
    good = is_cut & (value >= best * (1 - 2 * float(np.finfo(dtype).eps)))
    width = ops.where(good, high - low, -1.0)
    k = value.shape[0] - 1 - ops.argmax(ops.flip(width))
    low, high = ops.take(low, k), ops.take(high, k)
    middle = low / 2 + high / 2
    threshold = ops.where((low <= middle) & (middle < high), middle, low)
    return best, ops.where(ops.isinf(high), high, threshold)
