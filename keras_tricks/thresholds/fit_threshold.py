"""The best threshold of scored, labelled samples, exactly."""

from typing import Any

import numpy as np

from keras_tricks._checks import check_choice
from keras_tricks.thresholds._arrays import check_as_many
from keras_tricks.thresholds._arrays import check_samples
from keras_tricks.thresholds._arrays import to_array
from keras_tricks.thresholds._decision import METRICS
from keras_tricks.thresholds.threshold import Threshold


def fit_threshold(
    scores: Any, labels: Any, metric: str = "accuracy"
) -> Threshold:
    """Map scores and 0/1 labels to the threshold with the best metric.

    With the scores sorted, `s_1 ≤ … ≤ s_n`, a cut `k` lies between `s_k` and
    `s_{k+1}` where these differ, or before the first (all positive), or after
    the last (none). With `P` positive labels, `p_k` of them below the cut:

    ```
    accuracy_k = ((P − p_k) + (k − p_k)) / n
    F1_k       = 2 (P − p_k) / ((n − k) + P)
    ```

    All n + 1 are computed, in O(n log n), so the result is the optimum: an
    iterative search sees a piecewise constant function, and stays on the
    plateau where it starts when scores fill a narrow range. Of equally good
    cuts the widest is taken, of those the highest; all and none are infinitely
    wide. The threshold is amid the two scores, and separates them in their own
    dtype too, even where they are adjacent floats.

    It is the optimum of *these* samples. With a few hundred, take the score on
    others for the true one. Where decisions have unequal costs, neither metric
    is yours.

    Args:
        scores: Numbers `(samples,)`, the higher the more positive; an array, a
            tensor or a list.
        labels: 0/1 or flags `(samples,)`. Of one class only, the threshold is
            −inf or inf. Without a positive label F1 is 0 and the threshold inf.
        metric: `"accuracy"` or `"f1"`, that of the positive class. Defaults to
            `"accuracy"`.

    Returns:
        A `Threshold`, its `score` the metric on these samples.

    Raises:
        ValueError: If there is no sample, shapes differ, a score is NaN or
            infinite, a label is neither 0 nor 1, or `metric` is unknown.

    Example:

    >>> from keras_tricks.thresholds import fit_threshold
    >>> fitted = fit_threshold([0.91, 0.93, 0.94, 0.98], [0, 1, 0, 1])
    >>> round(fitted.threshold, 3), fitted.score
    (0.96, 0.75)

    Reference:
        Su Jianlin, 2022: https://kexue.fm/archives/8860, which searches by
        Powell's method instead.
    """
    check_choice("metric", metric, METRICS)
    s, y = to_array("scores", scores), to_array("labels", labels)
    check_samples("scores", s, ("samples",))
    check_labels(y, s)
    order = np.argsort(s)
    dtype, s, y = s.dtype, s[order].astype("float64"), y[order] > 0
    low, high = np.append(-np.inf, s), np.append(s, np.inf)
    value = score_cuts(y, metric)
    best = value[high > low].max()
    with np.errstate(over="ignore"):
        width = np.where(value == best, high - low, -1.0)
    k = len(s) - np.argmax(width[::-1])
    threshold = np.inf if k == len(s) else between(low[k], high[k], dtype)
    return Threshold(float(threshold), metric, float(best))


def check_labels(labels: np.ndarray, scores: np.ndarray) -> None:
    """Raise unless there is a label 0 or 1 for each score."""
    check_as_many(labels, "scores", scores)
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(
            "`labels` must be 0 or 1. Received: labels with the values "
            f"{np.unique(labels)[:5].tolist()}"
        )


def score_cuts(y: np.ndarray, metric: str) -> np.ndarray:
    """The metric at the n + 1 cuts, given the labels in order of the scores."""
    n = len(y)
    k = np.arange(n + 1)
    p = np.append(0, np.cumsum(y))
    P = p[-1]
    if metric == "accuracy":
        return ((P - p) + (k - p)) / n
    # Neither a label nor a prediction is positive: 0 / 0, taken as 0.
    return 2 * (P - p) / np.maximum((n - k) + P, 1)


def between(low: float, high: float, dtype: np.dtype) -> float:
    """A number `t` with `low ≤ t < high`, amid the two if there is one.

    Compared to scores of `dtype`, a number that `dtype` lacks would be rounded
    first, perhaps to `high`. Of float64 scores it is one that float32 has too,
    where possible: they may be deployed in float32.
    """
    middle = np.asarray(low / 2 + high / 2)
    for kind in ("float32", "float64") if dtype == "float64" else (dtype,):
        with np.errstate(over="ignore"):
            t = float(middle.astype(kind))
        if low <= t < high:
            return t
    return low
