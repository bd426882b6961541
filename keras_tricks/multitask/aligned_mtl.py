"""AlignedMTL: the nearest set of gradients that do not conflict."""

from typing import Any

import keras
from keras import ops

from keras_tricks.multitask._spectrum import spectrum
from keras_tricks.multitask.aggregator import Aggregator
from keras_tricks.multitask.aggregator import over

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class AlignedMTL(Aggregator):
    """Maps the Gram matrix of gradients to the mean of aligned ones.

    With the eigenvalues `λ` and eigenvectors `V` of `G`

    ```
    w = √λ_min · V diag(1/√λ) Vᵀ b      b_i = 1/T
    ```

    `u` is the mean of `T` orthogonal vectors of the same length `√λ_min`, the
    nearest to the gradients in the sense of Procrustes: a system with the best
    condition number there is, 1, in which no task dominates.

    When it does not help: `λ_min`, the smallest that is not zero, sets the
    length, so one small gradient, or two that are nearly the same, shorten the
    whole step. A value below `T ε` times the largest counts as zero (`ε` of
    float32), and with it a gradient some thousand times shorter than the
    longest is not seen; use `UPGrad` where losses differ that much.

    Args:
        No arguments.

    Returns:
        Float32 tensor `(num_tasks,)`, the weights.

    Example:

    >>> from keras_tricks.multitask import AlignedMTL
    >>> [round(float(w), 4) for w in AlignedMTL()([[1.0, 0.0], [0.0, 16.0]])]
    [0.5, 0.125]

    Reference:
        Senushkin et al., 2023, Independent Component Alignment for Multi-Task
        Learning: https://arxiv.org/abs/2305.19000.
    """

    def weights(self, cosines: Tensor, norms: Tensor) -> Tensor:
        G = norms[:, None] * cosines * norms
        values, V, counts = spectrum(G)
        smallest = ops.min(ops.where(counts, values, float("inf")))
        ratio = over(
            smallest * ops.ones_like(values), ops.where(counts, values, 0.0)
        )
        b = ops.ones_like(norms) / norms.shape[0]
        return ops.matmul(V, ops.sqrt(ratio) * ops.matmul(b, V))
