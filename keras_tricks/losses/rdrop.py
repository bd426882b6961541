"""R-Drop: cross-entropy of two dropout passes that are to agree."""

from typing import Any

import keras
from keras import ops

from keras_tricks._checks import REDUCTIONS
from keras_tricks._checks import check_choice
from keras_tricks._checks import check_not_negative
from keras_tricks._checks import check_rank
from keras_tricks.losses._zero_bounded import at_least_float32

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class RDrop(keras.losses.Loss):
    """Maps labels and the logits of two dropout passes to one loss per row.

    ```
    L = ½ (CE(y, p) + CE(y, q)) + α/4 (KL(p‖q) + KL(q‖p))
    ```

    for the class probabilities `p`, `q` of two passes over the same input with
    different dropout masks (`TwoViews`), and `CE(y, p) = −log p_y`. Dropout
    trains an average of networks and then predicts with another, the whole
    one; the divergence holds the two together, and regularises where a
    classifier would fit a small training set too well.

    A training step costs twice that of plain cross-entropy. In validation,
    without dropout, both passes are equal and the loss is the cross-entropy.
    The divergence is one of softmax probabilities: it is not meant for logits
    of several labels per row.

    Args:
        alpha: Weight of the divergence, at least 0; the sources use 1 to 5.
            Defaults to `4.0`.
        reduction: As in `keras.losses.Loss`, over the rows. Defaults to
            `"sum_over_batch_size"`.
        name: Optional name. Defaults to `"rdrop"`.
        dtype: Dtype of the computation; half precision is raised to float32.
            Defaults to `None`.

    Call arguments:
        y_true: Class numbers `(batch,)` or `(batch, 1)`.
        y_pred: Logits `(batch, 2, classes)` of the two passes.
        sample_weight: As in Keras, multiplies the losses of the rows.

    Returns:
        One value ≥ 0 per row, reduced by `reduction`. A class that is not
        among the logits makes its row's loss NaN.

    Raises:
        ValueError: If `alpha` is below 0, or `y_true` or `y_pred` has another
            shape.

    Example:

    >>> from keras_tricks.losses import RDrop
    >>> logits = [[[2.0, 0.0], [1.0, 0.0]]]
    >>> round(float(RDrop(alpha=0.0)([0], logits)), 4)
    0.2201
    >>> round(float(RDrop()([0], logits)), 4)
    0.3698

    Reference:
        Liang et al., 2021, R-Drop: https://arxiv.org/abs/2106.14448;
        https://kexue.fm/archives/8496. The paper's loss is twice this one,
        which equals cross-entropy where the passes agree.
    """

    def __init__(
        self,
        alpha: float = 4.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "rdrop",
        dtype: Any = None,
    ):
        dtype = at_least_float32(dtype)
        check_choice("reduction", reduction, REDUCTIONS)
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.alpha = check_not_negative("alpha", alpha)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y_true = ops.convert_to_tensor(y_true)
        y_pred = ops.convert_to_tensor(y_pred)
        y = class_numbers(y_true, y_pred)
        log_p = ops.log_softmax(y_pred, axis=-1)
        classes = ops.arange(ops.shape(log_p)[2], dtype="int32")
        chosen = ops.where(y[:, None, None] == classes, log_p, 0.0)
        entropy = -ops.mean(ops.sum(chosen, axis=-1), axis=1)
        # KL(p‖q) + KL(q‖p) = Σ (p − q) (log p − log q)
        p, q = ops.exp(log_p[:, 0]), ops.exp(log_p[:, 1])
        # Equal logits may be −inf, whose difference is no number.
        gap = ops.where(p == q, 0.0, log_p[:, 0] - log_p[:, 1])
        both = ops.sum((p - q) * gap, axis=-1)
        known = (y >= 0) & (y < ops.shape(log_p)[2])
        loss = entropy + self.alpha / 4 * both
        return ops.where(known, loss, float("nan"))

    def get_config(self) -> dict:
        config = super().get_config()
        config.update({"alpha": self.alpha, "dtype": self.dtype})
        return config


def class_numbers(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Check the shapes, and return the labels as integers `(batch,)`."""
    shape = check_rank("y_pred", y_pred.shape, 3, "(batch, 2, classes)")
    labels = tuple(y_true.shape)
    flat = len(labels) == 1 or (len(labels) == 2 and labels[1] == 1)
    if (
        shape[1] != 2
        or not flat
        or (None not in (labels[0], shape[0]) and (labels[0] != shape[0]))
    ):
        raise ValueError(
            "`y_true` must have shape `(batch,)` or `(batch, 1)`, and `y_pred` "
            "`(batch, 2, classes)`, two views of each row. Received: y_true of "
            f"shape {labels}, y_pred of shape {shape}"
        )
    return ops.cast(ops.reshape(y_true, (-1,)), "int32")
