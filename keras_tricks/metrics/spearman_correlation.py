"""Spearman's rank correlation over a whole epoch."""

from typing import Any

import keras
from keras import ops

from keras_tricks.metrics._collected_scores import CollectedScores

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class SpearmanCorrelation(CollectedScores):
    """Maps labels and scores of an epoch to their rank correlation.

    The correlation of the ranks `a` of the labels and `b` of the scores, ties
    having the mean of their ranks, over all samples since the last reset:

    ```
    ρ = Σ w (a − ā)(b − b̄) / √(Σ w (a − ā)² · Σ w (b − b̄)²)
    ```

    It asks only whether the scores are in the order of the labels, so it suits
    a model that ranks, such as one trained with CoSENT, whatever the scale of
    its scores. A mean over batches is another number: most of the order is
    between samples of different batches. With labels of few values most ranks
    are tied, and even a perfect order of the scores stays below 1.

    All samples must be kept. Under jit that takes a fixed place, `max_samples`,
    all of which is sorted at every step, as Keras shows the metric at every
    step: a few milliseconds on a CPU for the default. Beyond it the result is
    NaN, never the correlation of a part. In `fit` that concerns the training
    epoch too; make `max_samples` as large, or use `evaluate` alone.

    Args:
        max_samples: Samples of an epoch, at most 2²⁴. Defaults to `16384`.
        name: Name of the result. Defaults to `"spearman_correlation"`.
        dtype: Dtype of the computation; half precision is raised to float32,
            in which integers above 2²⁴ may be tied. Defaults to `None`.

    Call arguments:
        y_true: Labels `(batch,)` or `(batch, 1)` in any order of theirs, such
            as grades.
        y_pred: Scores, one of these shapes.
        sample_weight: Weights of at least 0, one of these shapes. A sample of
            weight 2 counts as two, in the ranks too; of weight 0 as none,
            even if its numbers are NaN.

    Returns:
        `result()` is a scalar in `[−1, 1]`, equal to `scipy.stats.spearmanr`.
        NaN where the correlation is not defined (no sample, or all labels or
        all scores equal), where a label, score or weight is NaN or a weight
        below 0, where there were more than `max_samples`, and where
        TensorFlow's `MirroredStrategy` would add up the samples of its
        replicas. (JAX and `keras.distribution` see whole batches.)

    Raises:
        ValueError: If `max_samples` or a shape is not as above.

    Example:

    >>> from keras_tricks.metrics import SpearmanCorrelation
    >>> metric = SpearmanCorrelation()
    >>> metric.update_state([0.0, 1.0], [0.1, 0.8])
    >>> metric.update_state([2.0, 3.0], [0.5, 0.9])
    >>> round(float(metric.result()), 4)
    0.8
    """

    def __init__(
        self,
        max_samples: int = 16384,
        name: str = "spearman_correlation",
        dtype: Any = None,
    ):
        super().__init__(max_samples, name, dtype)

    def of_samples(
        self, label: Tensor, score: Tensor, weight: Tensor
    ) -> Tensor:
        order = ops.argsort(label)
        label, score, w = (ops.take(x, order) for x in (label, score, weight))
        a = centred_ranks(label, w)
        order = ops.argsort(score)
        score, a, w = (ops.take(x, order) for x in (score, a, w))
        b = centred_ranks(score, w)
        products = ops.stack([w * a * b, w * a * a, w * b * b])
        ab, aa, bb = ops.unstack(sum_rows(products), 3)
        known = ops.logical_not(ops.any(ops.isnan(label + score + weight)))
        return ops.where(known, ab / ops.sqrt(aa * bb), float("nan"))


def centred_ranks(x: Tensor, weight: Tensor) -> Tensor:
    """Mean ranks of sorted numbers, less their mean, over the total weight.

    A number's rank is the weight below it and half of that of its equals.
    """
    size = x.shape[0]
    new = ops.pad(ops.not_equal(x[1:], x[:-1]), ((1, 0),))
    block = ops.cumsum(ops.cast(new, "int32"))
    equal = ops.segment_sum(weight, block, num_segments=size)
    below = ops.cumsum(equal) - equal
    total = ops.sum(weight)
    return ops.take((below + equal / 2 - total / 2) / total, block)


def sum_rows(x: Tensor) -> Tensor:
    """Sum over the last axis, in two steps that round less than one."""
    rows, size = x.shape
    width = int(size**0.5) + 1
    x = ops.pad(x, ((0, 0), (0, width * width - size)))
    return ops.sum(ops.sum(ops.reshape(x, (rows, width, width)), -1), -1)
