"""SimCSE: two views of a text against the other texts of the batch."""

from typing import Any

import keras
from keras import ops

from keras_tricks._backend import whole_batch
from keras_tricks._checks import REDUCTIONS
from keras_tricks._checks import check_choice
from keras_tricks._checks import check_flag
from keras_tricks._checks import check_positive
from keras_tricks._checks import check_rank
from keras_tricks._unit import unit
from keras_tricks.losses._zero_bounded import at_least_float32
from keras_tricks.losses._zero_bounded import log1p_sum_exp

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class SimCSE(keras.losses.Loss):
    """Maps two views of each text to a contrastive loss per text.

    ```
    L_i = −log( e^(cos(u_i, v_i) / τ)
                / Σ_j (e^(cos(u_i, v_j) / τ) + e^(cos(u_i, n_j) / τ)) )
    ```

    for the views `u`, `v` of the texts of a batch, the temperature `τ`, and,
    if there is a third, hard negatives `n`; without them the sum has its first
    term alone. With one encoder and two dropout masks as views (`TwoViews`) it
    trains on texts without labels: the two embeddings of a text attract each
    other, those of the rest of the batch are pushed away. With labels, `u` and
    `v` are a text and its paraphrase, `n` a text that contradicts it.

    Two equal texts in a batch are treated as negatives. Dropout changes
    neither words nor length, so that what is learnt is little where texts with
    the same words differ in meaning (PAWS). More rows are more negatives, and
    another loss: do not compare it across batch sizes. With data parallel
    training on TensorFlow or PyTorch the negatives are those of one replica,
    unless `across_replicas`.

    Args:
        temperature: Divides the cosines, above 0. Defaults to `0.05`.
        across_replicas: Whether texts of all replicas of `tf.distribute` and
            all processes of `torch.distributed` meet; each then has to compute
            the loss at the same time, and a mask of `y_pred` is not seen. On
            JAX they always meet. Defaults to `False`.
        reduction: As in `keras.losses.Loss`, over the texts. Defaults to
            `"sum_over_batch_size"`.
        name: Optional name. Defaults to `"simcse"`.
        dtype: Dtype of the computation; half precision is raised to float32.
            Defaults to `None`.

    Call arguments:
        y_true: Not used; `fit(x)` without labels works, as do zeros.
        y_pred: Views `(batch, 2, dim)`, or `(batch, 3, dim)` with a hard
            negative each, of any length. A zero vector has cosine 0.
        sample_weight: As in Keras, multiplies the losses of the texts. A text
            with weight 0 is still a negative of the others.

    Returns:
        One value ≥ 0 per text, reduced by `reduction`; 0 for the only text of
        a batch without hard negatives.

    Raises:
        ValueError: If `temperature` is not above 0, or `y_pred` has another
            shape.

    Example:

    >>> from keras_tricks.losses import SimCSE
    >>> views = [[[1.0, 0.0], [0.9, 0.1]], [[0.0, 1.0], [0.8, 0.6]]]
    >>> round(float(SimCSE()(None, views)), 4)
    0.0103

    Reference:
        Gao et al., 2021, SimCSE: https://arxiv.org/abs/2104.08821; in Chinese,
        https://kexue.fm/archives/8348, which compares each of the `2 · batch`
        views with all others.
    """

    def __init__(
        self,
        temperature: float = 0.05,
        across_replicas: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str = "simcse",
        dtype: Any = None,
    ):
        dtype = at_least_float32(dtype)
        check_choice("reduction", reduction, REDUCTIONS)
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.temperature = check_positive("temperature", temperature)
        self.across_replicas = check_flag("across_replicas", across_replicas)

    def __call__(
        self, y_true: Any, y_pred: Tensor, sample_weight: Any = None
    ) -> Tensor:
        if self.across_replicas:
            y_pred = whole_batch(ops.convert_to_tensor(y_pred, self.dtype))
            if sample_weight is not None:
                weight = ops.convert_to_tensor(sample_weight, self.dtype)
                sample_weight = whole_batch(weight)
        # There may be no labels, and Keras would make a tensor of them.
        return super().__call__(0.0, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        y_pred = ops.convert_to_tensor(y_pred)
        shape = check_rank("y_pred", y_pred.shape, 3, "(batch, 2 or 3, dim)")
        if shape[1] not in (2, 3) or shape[0] == 0:
            raise ValueError(
                "`y_pred` must have 2 views of each text, or 3 with a hard "
                "negative, on axis 1, and at least one text. "
                f"Received: y_pred of shape {shape}"
            )
        u, *others = (unit(y_pred[:, view]) for view in range(shape[1]))
        others = ops.concatenate(others, axis=0)
        cosines = ops.matmul(u, ops.transpose(others)) / self.temperature
        place = ops.arange(ops.shape(u)[0], dtype="int32")[:, None]
        same = place == ops.arange(ops.shape(others)[0], dtype="int32")
        own = ops.sum(ops.where(same, cosines, 0.0), axis=1, keepdims=True)
        rest = ops.where(same, -float("inf"), cosines - own)
        return log1p_sum_exp(rest, axis=-1)

    def get_config(self) -> dict:
        config = super().get_config()
        config.update(
            {
                "temperature": self.temperature,
                "across_replicas": self.across_replicas,
                "dtype": self.dtype,
            }
        )
        return config
