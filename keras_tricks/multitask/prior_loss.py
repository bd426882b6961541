"""The loss of a model that knows the labels' distribution and no input."""

from typing import Any

import numpy as np

from keras_tricks._checks import check_flag


def prior_loss(labels: Any, classes: bool) -> float:
    """Map labels to the loss of the best constant prediction.

    ```
    classes: entropy −Σ_k p_k log p_k of their frequencies
    values:  mean squared distance to their mean
    ```

    Divide a cross-entropy or a mean squared error by it, and every task starts
    near 1 and means the same: the part of what there is to learn that is left.
    It gives fixed weights, `loss_weights={"a": 1 / prior_loss(a, True)}`.

    Args:
        labels: Array of labels, one row a sample: class indices of any shape
            or, with `classes=False`, numbers.
        classes: Whether the labels are classes.

    Returns:
        A number above 0.

    Raises:
        ValueError: If there is no label, or all labels are equal.

    Example:

    >>> from keras_tricks.multitask import prior_loss
    >>> round(prior_loss([0, 1, 1, 0], classes=True), 4)
    0.6931
    >>> prior_loss([1.0, 3.0], classes=False)
    1.0

    Reference:
        Su Jianlin, 2022, https://kexue.fm/archives/8870.
    """
    check_flag("classes", classes)
    try:
        labels = np.asarray(labels)
        if not classes:
            labels = labels.astype("float64")
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`labels` must be an array ({error}). Received: labels={labels!r}"
        ) from error
    if labels.dtype.kind not in "biufSU":
        raise ValueError(
            "`labels` must be numbers, or names of classes. Received: labels "
            f"of dtype {labels.dtype}"
        )
    if labels.size == 0:
        raise ValueError(
            f"`labels` must not be empty. Received: shape {labels.shape}"
        )
    if classes:
        _, counts = np.unique(labels, return_counts=True)
        p = counts / counts.sum()
        loss = float(-(p * np.log(p)).sum())
    else:
        loss = float(np.square(labels - labels.mean(axis=0)).mean())
    if not loss > 0:
        raise ValueError(
            "`labels` must differ; there is nothing to learn from one label. "
            f"Received: labels={labels.ravel()[:5]!r} and so on"
        )
    return loss
