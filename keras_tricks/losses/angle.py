"""AnglE: ranks pairs of embeddings by the angle between complex vectors."""

from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_rank
from keras_tricks._unit import unit
from keras_tricks.losses._ranking_loss import RankingLoss

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class AnglE(RankingLoss):
    """Maps labels and pairs of embeddings to one ranking loss of their angles.

    Half of an embedding is read as real parts, half as imaginary parts. For a
    pair `x = a + b i`, `z = c + d i`, both of length 1,

    ```
    s = |Σ (ac + bd) + Σ (bc − ad)|
    L = log(1 + Σ_{y_a < y_b} w_a w_b e^(scale · (s_a − s_b)))
    ```

    with the loss of `CoSENT` over the rows of the batch. The first sum in `s`
    is the cosine, the second the imaginary part of `Σ x conj(z)`. Near cosines
    of ±1 the gradient of a cosine vanishes, that of the second sum does not:
    it is meant to be added to `CoSENT` on the cosines, not to replace it, and
    `s` is no measure to deploy. It is 1 for two equal texts, can reach √2,
    and changes when the two are exchanged.

    Args:
        scale: Multiplies the similarities, above 0. Defaults to `20.0`.
        across_replicas: Whether rows of all replicas of `tf.distribute` and all
            processes of `torch.distributed` meet; each then has to compute the
            loss at the same time. On JAX they always do. Defaults to `False`.
        name: Optional name. Defaults to `"angle"`.
        dtype: Dtype of the computation; half precision is raised to float32.
            Defaults to `None`.

    Call arguments:
        y_true: Labels `(batch,)` or `(batch, 1)`, of any dtype with an order.
        y_pred: The two embeddings of each pair, `(batch, 2, dim)` with `dim`
            even, of any length. A zero vector has similarity 0.
        sample_weight: Optional weights ≥ 0 of the rows, `(batch,)`, as in
            `CoSENT`.

    Returns:
        A scalar ≥ 0, one loss for the batch; NaN where `CoSENT` gives NaN.

    Raises:
        ValueError: If `scale` is not above 0, `y_pred` has another shape, or
            there is not one label and weight per row.

    Example:

    >>> from keras_tricks.losses import AnglE
    >>> equal = [[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    >>> other = [[1.0, 0.0, 0.0, 0.0], [0.6, 0.8, 0.0, 0.0]]
    >>> round(float(AnglE()([1.0, 0.0], [equal, other])), 4)
    0.0003
    >>> round(float(AnglE()([0.0, 1.0], [equal, other])), 4)
    8.0003

    Reference:
        Li & Li, 2023, AnglE: https://arxiv.org/abs/2309.12871. The sign is
        that of its published code, in which `s` ranks as a similarity; its
        whole objective adds CoSENT on cosines and an in-batch contrast.
    """

    def __init__(
        self,
        scale: float = 20.0,
        across_replicas: bool = False,
        name: str = "angle",
        dtype: Any = None,
    ):
        super().__init__(scale, across_replicas, name=name, dtype=dtype)

    def similarity(self, y_pred: Tensor) -> Tensor:
        shape = check_rank("y_pred", y_pred.shape, 3, "(batch, 2, dim)")
        if shape[1] not in (2, None) or (shape[2] or 0) % 2:
            raise ValueError(
                "`y_pred` must have shape `(batch, 2, dim)` with an even `dim`."
                f" Received: y_pred of shape {shape}"
            )
        half = ops.shape(y_pred)[2] // 2
        x, z = unit(y_pred[:, 0]), unit(y_pred[:, 1])
        a, b = x[:, :half], x[:, half:]
        c, d = z[:, :half], z[:, half:]
        return ops.abs(ops.sum(a * c + b * d + b * c - a * d, axis=-1))
