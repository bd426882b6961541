"""CoSENT: ranks the similarities of a batch of pairs as their labels."""

from typing import Any

import keras

from keras_tricks.losses._ranking_loss import RankingLoss
from keras_tricks.losses._ranking_loss import one_per_row

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class CoSENT(RankingLoss):
    """Maps labels and similarities of a batch of pairs to one ranking loss.

    ```
    L = log(1 + Σ_{y_a < y_b} w_a w_b e^(scale · (s_a − s_b)))
    ```

    for labels `y`, similarities `s` and weights `w` of the batch's rows, each
    row a pair of texts. Wherever row `b` is labelled more similar than row
    `a`, its similarity is pushed above that of `a`, the worst mistakes first.
    Only the order of labels counts: graded scores, 0/1, or contradiction <
    neutral < entailment alike. Equal labels are not compared; a batch with
    one label gives 0 and no gradient.

    Regressing the cosine on the label asks a hard negative, full of the same
    words, for a cosine of 0; here it need only be below the positives. What
    is trained is an order: the cosines are not calibrated, and a decision
    needs a threshold fitted afterwards. Labels without an order have no loss
    like this one. It grows by about `2 log(batch)`: do not compare it across
    batch sizes, and expect that of a smaller last batch to be smaller.

    Rows are sorted and their sums accumulated, in `batch · log(batch)` steps
    and memory for `batch` numbers, where the table of all pairs has `batch²`.

    Args:
        scale: Multiplies the similarities, above 0. The default is made for
            cosines; for unbounded scores of a cross-encoder take `1.0`.
            Defaults to `20.0`.
        across_replicas: Whether rows of all replicas of `tf.distribute` and all
            processes of `torch.distributed` meet; each then has to compute the
            loss at the same time. On JAX they always do. Defaults to `False`.
        name: Optional name. Defaults to `"cosent"`.
        dtype: Dtype of the computation; half precision is raised to float32.
            Defaults to `None`.

    Call arguments:
        y_true: Labels `(batch,)` or `(batch, 1)`, of any dtype with an order.
            Integers are compared as they are, not as float32.
        y_pred: Similarities `(batch,)` or `(batch, 1)`, of any size.
        sample_weight: Optional weights ≥ 0 of the rows, `(batch,)`. A pair of
            rows has the product of theirs, and a row with weight 0 is absent,
            as is one that the mask of `y_pred` takes out. They carry no
            gradient.

    Returns:
        A scalar ≥ 0, one loss for the batch, so that there is nothing to
        reduce. A label that is NaN makes it NaN, as does a score or weight
        that is not finite, or a negative weight. Second derivatives are not
        available. Rows meet within a batch; with data parallel training on
        TensorFlow or PyTorch those of one replica, and the mean of the
        replicas' losses is minimised, unless `across_replicas`.

    Raises:
        ValueError: If `scale` is not above 0, or there is not one label, score
            and weight per row.

    Example:

    >>> from keras_tricks.losses import CoSENT
    >>> loss = CoSENT()
    >>> labels, cosines = [0.0, 1.0, 2.0], [0.5, 0.4, 0.9]
    >>> round(float(loss(labels, cosines)), 4)
    2.127

    Reference:
        Su Jianlin, 2022, CoSENT: https://kexue.fm/archives/8847. Weights are
        not in it.
    """

    def __init__(
        self,
        scale: float = 20.0,
        across_replicas: bool = False,
        name: str = "cosent",
        dtype: Any = None,
    ):
        super().__init__(scale, across_replicas, name=name, dtype=dtype)

    def similarity(self, y_pred: Tensor) -> Tensor:
        return one_per_row("y_pred", y_pred, None)
