"""Multi-label cross-entropy with a threshold at zero (zlpr)."""

from typing import Any

import keras
from keras import ops

from keras_tricks._checks import REDUCTIONS
from keras_tricks._checks import check_choice
from keras_tricks._checks import check_list
from keras_tricks.losses._zero_bounded import at_least_float32
from keras_tricks.losses._zero_bounded import log1p_sum_exp

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class MultilabelCrossentropy(keras.losses.Loss):
    """Maps targets and scores of many labels to one ranking loss per row.

    ```
    L = log(1 + Σ_i t_i e^(−s_i)) + log(1 + Σ_i (1 − t_i) e^(s_i))
    ```

    for scores `s` and targets `t` in `[0, 1]`: with 0/1 targets every positive
    is pushed above 0 and every negative below, and the row's worst mistakes
    carry the gradient. So it stays balanced when one label in ten thousand is
    positive, where a sum of binary cross-entropies is swamped by negatives.
    Predict a label where its score is above 0.

    It ranks and decides; it is no likelihood. At its optimum a soft target is
    `t_i = σ(2 s_i)`: for probabilities read `sigmoid(2 * score)`, not
    `sigmoid(score)`. With few, balanced labels, and where calibrated
    probabilities are the aim, binary cross-entropy is as good or better.

    Args:
        axis: Axis or axes of the labels of one row; `(-2, -1)` for a matrix of
            span scores. Defaults to `-1`.
        reduction: As in `keras.losses.Loss`. Defaults to
            `"sum_over_batch_size"`.
        name: Optional name. Defaults to `"multilabel_crossentropy"`.
        dtype: Dtype of the computation; half precision is raised to float32.
            Defaults to `None`.

    Call arguments:
        y_true: Targets in `[0, 1]`, shape as `y_pred`.
        y_pred: Scores `(..., labels)`, any real number; −inf (with target 0)
            takes a label out.

    Returns:
        One value ≥ 0 per row (`y_pred` without `axis`), reduced by
        `reduction`. A row in which every score is masked gives 0.

    Raises:
        ValueError: If the shapes of `y_true` and `y_pred` differ.

    Example:

    >>> from keras_tricks.losses import MultilabelCrossentropy
    >>> loss = MultilabelCrossentropy()
    >>> round(float(loss([[1.0, 0.0, 0.0]], [[2.0, -1.0, -3.0]])), 4)
    0.4759

    Reference:
        Su Jianlin, 2020: https://kexue.fm/archives/7359, soft targets
        https://kexue.fm/archives/9064; ZLPR: https://arxiv.org/abs/2208.02955.
    """

    def __init__(
        self,
        axis: int | tuple[int, ...] = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "multilabel_crossentropy",
        dtype: Any = None,
    ):
        dtype = at_least_float32(dtype)
        check_choice("reduction", reduction, REDUCTIONS)
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        several = isinstance(axis, (list, tuple))
        axes = check_list(
            "axis", axis if several else [axis], int, "an integer or several"
        )
        self.axis = tuple(axes) if several else axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y_true = ops.convert_to_tensor(y_true)
        y_pred = ops.convert_to_tensor(y_pred)
        ranks = len(y_true.shape), len(y_pred.shape)
        if (
            ranks[0] != ranks[1]
            or ranks[0] == 0
            or any(
                a is not None and b is not None and a != b
                for a, b in zip(y_true.shape, y_pred.shape, strict=True)
            )
        ):
            raise ValueError(
                "`y_true` and `y_pred` must have the same shape, of one axis "
                "at least. Received: "
                f"y_true of shape {tuple(y_true.shape)}, y_pred of shape "
                f"{tuple(y_pred.shape)}"
            )
        positive = weighted(-y_pred, y_true)
        negative = weighted(y_pred, 1 - y_true)
        return log1p_sum_exp(positive, self.axis) + log1p_sum_exp(
            negative, self.axis
        )

    def get_config(self) -> dict:
        config = super().get_config()
        config.update({"axis": self.axis, "dtype": self.dtype})
        return config


def weighted(x: Tensor, weight: Tensor) -> Tensor:
    """`x + log(weight)`, −inf where the weight is 0 whatever `x` is."""
    present = weight > 0
    return ops.where(
        present, x + ops.log(ops.where(present, weight, 1.0)), -float("inf")
    )
