"""MGDA: the shortest convex combination of the gradients."""

from typing import Any

import keras
from keras import ops

from keras_tricks.multitask._nonnegative import nonnegative_minimum
from keras_tricks.multitask._norms import share_of
from keras_tricks.multitask.aggregator import Aggregator
from keras_tricks.multitask.aggregator import over

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class MGDA(Aggregator):
    """Maps the Gram matrix of gradients to their shortest convex combination.

    ```
    w = argmin ‖Σ_i w_i g_i‖²   with   w ≥ 0, Σ_i w_i = 1
    ```

    Then `⟨g_i, u⟩ ≥ ‖u‖²` for every task: a small enough step makes no task
    worse, and where `u = 0` no step could make one better without harm to
    another. `u` is also the direction in which the task that gains least gains
    most. For two tasks

    ```
    w_1 = clip(⟨g_2 − g_1, g_2⟩ / ‖g_1 − g_2‖², 0, 1)
    ```

    When it does not help: the shortest gradient decides the length of `u`, so
    a task that is nearly learnt slows down all others.

    A gradient that is zero is left out; the formula's own answer would be
    `u = 0`, and training would stop.

    Args:
        No arguments.

    Returns:
        Float32 tensor `(num_tasks,)`, the weights.

    Example:

    >>> from keras_tricks.multitask import MGDA
    >>> [round(float(w), 4) for w in MGDA()([[1.0, 0.0], [0.0, 4.0]])]
    [0.8, 0.2]
    >>> [round(float(w), 4) for w in MGDA()([[1.0, 2.0], [2.0, 5.0]])]
    [1.0, 0.0]

    Reference:
        Désidéri, 2012; Sener and Koltun, 2018,
        https://arxiv.org/abs/1810.04650; Su Jianlin, 2022,
        https://kexue.fm/archives/8896. Their Frank–Wolfe iteration is
        `FrankWolfe`; here the solution is exact.
    """

    def weights(self, cosines: Tensor, norms: Tensor) -> Tensor:
        if norms.shape[0] == 2:
            return of_two(cosines, norms)
        return shortest(cosines, norms, norms > 0.0)


def of_two(cosines: Tensor, norms: Tensor) -> Tensor:
    """The closed form, with each difference taken between like sizes."""
    other = ops.flip(norms, axis=0)
    rest = ops.maximum(other - cosines[0, 1] * norms, 0.0)
    w = ops.where(norms > 0.0, other * rest, 0.0)
    total = ops.sum(w)
    return ops.where(total > 0.0, over(w, total), share_of(norms > 0.0))


def shortest(cosines: Tensor, norms: Tensor, convex: Tensor) -> Tensor:
    """The same for any number of tasks.

    With `w_i ∝ a_i y_i`, `a_i = 1/|g_i|` up to a factor, the solution is

    ```
    y = argmin ½ yᵀ(C + aaᵀ)y − aᵀy   over   y ≥ 0
    ```

    whose matrix is well scaled, and regular for opposite gradients.

    Args:
        cosines: As in `Aggregator.weights`.
        norms: As in `Aggregator.weights`.
        convex: Bool tensor `(num_tasks,)`, the tasks whose weights have sum 1;
            the others' have any size. Some have gradients that are not zero.
    """
    smallest = ops.min(ops.where(convex, norms, 1.0))
    scale = over(smallest * ops.ones_like(norms), norms)
    a = ops.where(convex, scale, 0.0)
    y = nonnegative_minimum(cosines + a[:, None] * a, a[None])[0]
    return scale * y / ops.sum(a * y)
