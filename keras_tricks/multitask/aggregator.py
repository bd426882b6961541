"""Aggregator: from the inner products of gradients to their weights."""

from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_rank

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class Aggregator:
    """Maps the Gram matrix of the tasks' gradients to a weight for each.

    For gradients `g_1 … g_T` of `T` tasks

    ```
    G_ij = ⟨g_i, g_j⟩      w = aggregator(G)      u = Σ_i w_i g_i
    ```

    and the parameters move along `−u`. An aggregator never sees a model, a
    loss or a gradient: `T²` numbers hold all that it needs. So each method
    costs the same whatever the size of the model, and can be used on the
    gradients of a shared representation (`layers.GradientAggregation`) as on
    those of all shared parameters.

    What every aggregator here keeps to:

    - all gradients times a constant: the same weights, so that scaling the
      loss in mixed precision is exact;
    - every gradient zero: each weight is `1/T`;
    - a number of `G` that is not finite: each weight is NaN, so that the step
      is seen as spoilt, and skipped where the loss is scaled;
    - the weights are constants: no gradient flows through them.

    A subclass implements `weights`. It meets only cosines and relative norms,
    so that no ratio of norms spoils float32.

    Args:
        No arguments.

    Call arguments:
        gram: Tensor `(num_tasks, num_tasks)`, symmetric. Computed in float32.

    Returns:
        Float32 tensor `(num_tasks,)`, the weights.

    Raises:
        ValueError: If `gram` is no square matrix of known size.

    Example:

    >>> import keras
    >>> from keras_tricks.multitask import Aggregator
    >>> @keras.saving.register_keras_serializable(package="example")
    ... class Largest(Aggregator):
    ...     def weights(self, cosines, norms):
    ...         return keras.ops.cast(norms == 1.0, "float32")
    >>> [float(w) for w in Largest()([[1.0, 0.0], [0.0, 4.0]])]
    [0.0, 1.0]
    """

    def __init__(self) -> None:
        pass

    def __call__(self, gram: Tensor) -> Tensor:
        G = ops.stop_gradient(ops.cast(ops.convert_to_tensor(gram), "float32"))
        num_tasks = check_gram(G)
        finite = ops.all(ops.isfinite(G))
        G = ops.where(finite, G, 0.0)
        n = ops.sqrt(ops.maximum(ops.diagonal(G), 0.0))
        largest = ops.max(n)
        w = self.weights(cosines(G), over(n, largest))
        w = ops.where(largest > 0.0, w, 1.0 / num_tasks)
        return ops.where(finite, w, float("nan"))

    def weights(self, cosines: Tensor, norms: Tensor) -> Tensor:
        """Map what the gradients' angles and lengths are to weights.

        Args:
            cosines: Tensor `(num_tasks, num_tasks)`: `⟨g_i, g_j⟩ / |g_i||g_j|`,
                with rows and columns of zeros for gradients that are zero.
            norms: Tensor `(num_tasks,)`: `|g_i|` over the largest of them.
        """
        raise NotImplementedError(
            "An aggregator must implement `weights(cosines, norms)`. "
            f"Received: {type(self).__name__} without it"
        )

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> "Aggregator":
        """Make the aggregator that `get_config` described."""
        return cls(**config)


def check_gram(gram: Tensor) -> int:
    """The number of tasks of a Gram matrix; raise if it is none."""
    rows, columns = check_rank("gram", gram.shape, 2, "(num_tasks, num_tasks)")
    if rows is None or rows != columns or rows == 0:
        raise ValueError(
            "`gram` must be a square matrix of a known size, at least 1. "
            f"Received: gram of shape {tuple(gram.shape)}"
        )
    return rows


def cosines(gram: Tensor) -> Tensor:
    """Map a Gram matrix to the cosines of its vectors, 0 for those of 0."""
    n = ops.sqrt(ops.maximum(ops.diagonal(gram), 0.0))
    C = ops.clip(over(over(gram, n), n[:, None]), -1.0, 1.0)
    # Its own is exactly 1 where rounding says nearly so.
    return ops.where(ops.eye(gram.shape[0], dtype="bool"), ops.sign(n), C)


def over(x: Tensor, norms: Tensor) -> Tensor:
    """`x / norms`, zero where a norm is zero."""
    present = norms > 0.0
    return ops.where(present, x / ops.where(present, norms, 1.0), 0.0)
