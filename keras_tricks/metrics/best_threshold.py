"""Accuracy and F1 over a whole epoch, each at its best threshold."""

from typing import Any

import keras
from keras import ops

from keras_tricks.metrics._best_cut import BestThreshold

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class BestThresholdAccuracy(BestThreshold):
    """Maps 0/1 labels and scores of an epoch to the best accuracy of a cut.

    ```
    max over t of Σ w [(s > t) = y] / Σ w
    ```

    over all samples since the last reset, `t` below all scores, between two
    that differ, or above all; which of several is said at
    `keras_tricks.thresholds.fit_threshold`. It tells how good the scores of a
    model are whose threshold is to be fitted, such as cosines, without one
    that is fixed before.

    The threshold is fitted to the same samples that it is measured on: with few
    of them the figure is too good. To deploy a threshold, fit it on validation
    data with `fit_threshold` and report the accuracy on test data.

    What is kept and sorted, and what the figure costs, is as in
    `SpearmanCorrelation`.

    Args:
        max_samples: Samples of an epoch, at most 2²⁴. Defaults to `16384`.
        name: Name of the result, and prefix of the threshold's. Defaults to
            `"best_accuracy"`.
        dtype: Dtype of the computation; half precision is raised to float32.
            Defaults to `None`.

    Call arguments:
        y_true: Labels 0 or 1, `(batch,)` or `(batch, 1)`.
        y_pred: Finite scores, one of these shapes.
        sample_weight: Weights of at least 0, one of these shapes. A sample of
            weight 2 counts as two, of weight 0 as none, even if its numbers
            are NaN.

    Returns:
        `result()` is a dict with `<name>` and `<name>_threshold`, −inf where
        all are taken as positive, inf where none. Both are NaN if there is no
        sample, if a label is neither 0 nor 1, a score or weight not finite or
        a weight below 0, if there were more than `max_samples`, and where
        TensorFlow's `MirroredStrategy` would add up the samples of its
        replicas.

    Raises:
        ValueError: If `max_samples` or a shape is not as above.

    Example:

    >>> from keras_tricks.metrics import BestThresholdAccuracy
    >>> metric = BestThresholdAccuracy()
    >>> metric.update_state([0, 1, 0, 1], [0.0, 0.5, 0.75, 1.0])
    >>> {k: float(v) for k, v in metric.result().items()}
    {'best_accuracy': 0.75, 'best_accuracy_threshold': 0.25}
    """

    def __init__(
        self,
        max_samples: int = 16384,
        name: str = "best_accuracy",
        dtype: Any = None,
    ):
        super().__init__(max_samples, name, dtype)

    def score_cuts(self, hits: Tensor, predicted: Tensor) -> Tensor:
        false = predicted - hits
        return (hits + (false[0] - false)) / predicted[0]


@keras.saving.register_keras_serializable(package="keras_tricks")
class BestThresholdF1(BestThreshold):
    """Maps 0/1 labels and scores of an epoch to the best F1 of a cut.

    ```
    max over t of 2 Σ w y [s > t] / (Σ w y + Σ w [s > t])
    ```

    over all samples since the last reset, with the cuts `t` of
    `BestThresholdAccuracy`. For rare positives, of which accuracy says little.
    Without a positive label it is 0 and the threshold inf.

    It knows only the positive class: where most labels are positive, taking
    all as positive has a high F1, and accuracy tells more. The threshold is
    fitted to the samples that it is measured on.

    Args:
        max_samples: Samples of an epoch, at most 2²⁴. Defaults to `16384`.
        name: Name of the result, and prefix of the threshold's. Defaults to
            `"best_f1"`.
        dtype: Dtype of the computation; half precision is raised to float32.
            Defaults to `None`.

    Call arguments:
        y_true, y_pred, sample_weight: As in `BestThresholdAccuracy`.

    Returns:
        `result()` is a dict with `<name>` and `<name>_threshold`, as in
        `BestThresholdAccuracy`.

    Raises:
        ValueError: If `max_samples` or a shape is not as above.

    Example:

    >>> from keras_tricks.metrics import BestThresholdF1
    >>> metric = BestThresholdF1()
    >>> metric.update_state([0, 1, 0, 1], [0.0, 0.5, 0.75, 1.0])
    >>> {k: round(float(v), 3) for k, v in metric.result().items()}
    {'best_f1': 0.8, 'best_f1_threshold': 0.25}
    """

    def __init__(
        self,
        max_samples: int = 16384,
        name: str = "best_f1",
        dtype: Any = None,
    ):
        super().__init__(max_samples, name, dtype)

    def score_cuts(self, hits: Tensor, predicted: Tensor) -> Tensor:
        return ops.divide_no_nan(2 * hits, hits[0] + predicted)
