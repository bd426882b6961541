"""IMTLG: the same progress along every task's gradient."""

from typing import Any

import keras
from keras import ops

from keras_tricks.multitask._spectrum import spectrum
from keras_tricks.multitask.aggregator import Aggregator
from keras_tricks.multitask.aggregator import over

Tensor = Any

# What the sum of y_i / |g_i| must exceed, relative to that of 1 / |g_i|.
SMALLEST_SUM = 1e-6


@keras.saving.register_keras_serializable(package="keras_tricks")
class IMTLG(Aggregator):
    """Maps the Gram matrix of gradients to equal projections on all of them.

    ```
    ⟨u, g_i/|g_i|⟩ = ⟨u, g_j/|g_j|⟩ for all i, j      Σ_i w_i = 1
    ```

    With the cosines `C` this is `y = C⁺ 1`, `w_i ∝ y_i / |g_i|`: no task is
    favoured, whatever the unit of its loss.

    When it does not help: nothing keeps `w ≥ 0`. A weight can be negative, and
    the sum of the `y_i / |g_i|` can come near zero, where the step explodes;
    clip the gradient's norm. `NashMTL` is as free of units, without either.

    A gradient that is zero is left out. Where the projections can only be
    equal at zero (opposite gradients), `u = 0`.

    Args:
        No arguments.

    Returns:
        Float32 tensor `(num_tasks,)`, the weights, of sum 1.

    Example:

    >>> from keras_tricks.multitask import IMTLG
    >>> [round(float(w), 4) for w in IMTLG()([[1.0, 0.0], [0.0, 16.0]])]
    [0.8, 0.2]

    Reference:
        Liu et al., 2021, Towards Impartial Multi-task Learning, ICLR. There
        the linear system is solved as it stands; the pseudo-inverse, of the
        cosines, is its solution where that is one.
    """

    def weights(self, cosines: Tensor, norms: Tensor) -> Tensor:
        present = ops.cast(norms > 0.0, "float32")
        values, V, counts = spectrum(cosines)
        inverse = over(ops.ones_like(values), ops.where(counts, values, 0.0))
        y = ops.zeros_like(norms)
        for _ in range(3):  # The first step solves it, the others refine.
            rest = present - ops.matmul(cosines, y)
            y = y + ops.matmul(V, inverse * ops.matmul(rest, V))
        w, even = over(y, norms), over(present, norms)
        sound = ops.abs(ops.sum(w)) > SMALLEST_SUM * ops.sum(even)
        w = ops.where(sound, w, even)
        return w / ops.sum(w)
