"""Weights of classes that are best on labelled samples."""

from typing import Any

import numpy as np

from keras_tricks._checks import check_choice
from keras_tricks.thresholds._arrays import check_as_many
from keras_tricks.thresholds._arrays import check_samples
from keras_tricks.thresholds._arrays import to_array
from keras_tricks.thresholds._decision import METRICS
from keras_tricks.thresholds._line_search import best_weight
from keras_tricks.thresholds._line_search import score_classes
from keras_tricks.thresholds._powell import powell
from keras_tricks.thresholds.class_weights import ClassWeights
from keras_tricks.thresholds.class_weights import check_probabilities


def fit_class_weights(
    probabilities: Any,
    labels: Any,
    metric: str = "accuracy",
    method: str = "coordinate",
) -> ClassWeights:
    """Map probabilities and labels to the class weights with a good metric.

    The rule is that of `ClassWeights`, `ŷ = argmax_i p_i t_i`. From `t = 1`,
    the plain argmax, each class in turn gets the weight that is best while the
    others stay. Row `r` becomes class `c` where `t_c` exceeds

    ```
    x_r = max_{i≠c} p_{r,i} t_i / p_{r,c}
    ```

    so the metric is constant between neighbours of the sorted `x_1 … x_n`, and
    a sweep over them finds the best weight exactly, in O(n · (classes +
    log n)). It ends when no single weight can be bettered. The result is never
    below the plain argmax; with two classes it is the optimum, with more it may
    be a local one.

    There are as many parameters as classes: fit them on thousands of samples,
    and read the score on others. Well-calibrated, balanced classes gain
    nothing.

    Args:
        probabilities: Numbers of at least 0, `(samples, classes)`, at least
            two classes; their sum is free. An array, a tensor or a list.
        labels: Integers `(samples,)` from 0 to classes − 1.
        metric: `"accuracy"`, or `"f1"`: the mean F1 of the classes that occur
            in `labels`. Defaults to `"accuracy"`.
        method: `"coordinate"`, as above, or `"powell"`, the published search,
            for comparison: Powell's method on `t = (tanh(u) + 1) / 2` from
            `u = 0`; it needs scipy. Defaults to `"coordinate"`.

    Returns:
        `ClassWeights`, their `score` the metric on these samples.

    Raises:
        ImportError: If `method` is `"powell"` and scipy is not installed.
        ValueError: If there is no sample, shapes differ, a probability is
            negative, NaN or infinite, a label is not a class, or `metric` or
            `method` is unknown.

    Example:

    >>> from keras_tricks.thresholds import fit_class_weights
    >>> p = [[0.6, 0.3, 0.1], [0.5, 0.3, 0.2], [0.2, 0.7, 0.1]]
    >>> fitted = fit_class_weights(p, [0, 2, 1])
    >>> fitted.predict(p).tolist(), fitted.score
    ([0, 2, 1], 1.0)

    Reference:
        Su Jianlin, 2022: https://kexue.fm/archives/8860, which searches by
        Powell's method.
    """
    check_choice("metric", metric, METRICS)
    check_choice("method", method, ("coordinate", "powell"))
    p, y = to_array("probabilities", probabilities), to_array("labels", labels)
    check_samples("probabilities", p, ("samples", "classes"))
    check_probabilities(p)
    check_classes(y, p)
    p, y = p.astype("float64"), y.astype("int64")
    t = (powell if method == "powell" else coordinate_ascent)(p, y, metric)
    score = score_classes(np.argmax(p * t, axis=1), y, p.shape[1], metric)
    return ClassWeights(t.tolist(), metric, score)


def check_classes(labels: np.ndarray, probabilities: np.ndarray) -> None:
    """Raise unless there is a class for each row, of at least two."""
    check_as_many(labels, "probabilities", probabilities)
    classes = probabilities.shape[1]
    if classes < 2:
        raise ValueError(
            "`probabilities` must have at least two classes. "
            f"Received: probabilities of shape {probabilities.shape}"
        )
    if not np.isin(labels, np.arange(classes)).all():
        raise ValueError(
            f"`labels` must be integers from 0 to {classes - 1}. Received: "
            f"labels from {labels.min()} to {labels.max()}"
        )


def coordinate_ascent(p: np.ndarray, y: np.ndarray, metric: str) -> np.ndarray:
    """Weights of which none can be bettered alone, from all ones."""
    classes = p.shape[1]
    t = np.ones(classes)
    best = score_classes(np.argmax(p, axis=1), y, classes, metric)
    since_better = c = 0
    while since_better < classes:
        candidate = t.copy()
        candidate[c] = best_weight(p, y, t, c, metric)
        # The rule itself is asked: its products round, the crossings too.
        chosen = np.argmax(p * candidate, axis=1)
        score = score_classes(chosen, y, classes, metric)
        since_better += 1
        if score > best:
            # This class is best now, and the others have to be asked.
            t, best, since_better = candidate, score, 1
        c = (c + 1) % classes
    return t
