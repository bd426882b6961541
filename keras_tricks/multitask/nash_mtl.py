"""NashMTL: the bargain in which no task gains in proportion more."""

from typing import Any

import keras
from keras import ops

from keras_tricks.multitask._norms import geometric_mean
from keras_tricks.multitask.aggregator import Aggregator
from keras_tricks.multitask.aggregator import over

Tensor = Any

# Added to the diagonal of the cosines: exactly opposite gradients have no
# bargain, and this gives them one of nearly no length.
RIDGE = 1e-6
LARGEST_NUM_STEPS = 50
# Newton's decrement at which one more step leaves only rounding.
SMALLEST_DECREMENT = 1e-4


@keras.saving.register_keras_serializable(package="keras_tricks")
class NashMTL(Aggregator):
    """Maps the Gram matrix of gradients to the weights of the Nash bargain.

    ```
    Σ_j G_ij α_j = 1 / α_i,  α > 0      w_i = n α_i,  n = (Π_j |g_j|)^(1/T)
    ```

    `u` maximises `Π_i ⟨g_i, u⟩` among directions of one length: no other gives
    some tasks a larger gain in percent than it takes from the rest. So it does
    not depend on the unit of a loss, and no task goes up. It is the minimum of
    the convex `½ αᵀGα − Σ_i log α_i`, found by Newton's method.

    When it does not help: the length of `u` is `n √T` however near the tasks
    are to a point where none can gain; lower the learning rate over time.

    A gradient that is zero is left out.

    Args:
        No arguments.

    Returns:
        Float32 tensor `(num_tasks,)`, the weights.

    Example:

    >>> from keras_tricks.multitask import NashMTL
    >>> [round(float(w), 4) for w in NashMTL()([[1.0, 0.0], [0.0, 16.0]])]
    [2.0, 0.5]

    Reference:
        Navon et al., 2022, https://arxiv.org/abs/2202.01017, where `n = 1` and
        the norm of `u` is clipped; a factor as in `NormalizedSum` keeps the
        step in proportion to the gradients. The cosines have `1e-6` added on
        their diagonal, without which opposite gradients have no solution.
    """

    def weights(self, cosines: Tensor, norms: Tensor) -> Tensor:
        present = norms > 0.0
        y = ops.where(present, bargain(cosines), 0.0)
        return over(geometric_mean(norms) * y, norms)


def bargain(cosines: Tensor) -> Tensor:
    """The `y > 0` with `(C + εI) y = 1/y`."""
    eye = ops.eye(cosines.shape[0])
    absent = ops.diagonal(cosines) == 0.0
    C = cosines + eye * ops.cast(absent, "float32")

    def step(y: Tensor, decrement: Tensor) -> tuple[Tensor, Tensor]:
        slope = y * (ops.matmul(C, y) + RIDGE * y) - 1.0
        H = y[:, None] * C * y + eye * (1.0 + RIDGE * y * y)
        move = -ops.solve(H, slope[:, None])[:, 0]
        decrement = ops.sqrt(ops.maximum(-ops.sum(move * slope), 0.0))
        return y * (1.0 + move / (1.0 + decrement)), decrement

    start = ops.ones_like(cosines[0])
    y, _ = ops.while_loop(
        lambda y, decrement: decrement > SMALLEST_DECREMENT,
        step,
        (start, ops.sum(start)),
        maximum_iterations=LARGEST_NUM_STEPS,
    )
    return y
