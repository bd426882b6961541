"""PrimaryAuxiliary: tasks to improve, and tasks that must not get worse."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_tricks._checks import check_list
from keras_tricks.multitask._norms import share_of
from keras_tricks.multitask.aggregator import Aggregator
from keras_tricks.multitask.mgda import shortest

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class PrimaryAuxiliary(Aggregator):
    """Maps the Gram matrix of gradients to a step for the primary tasks.

    For a primary task `0` and auxiliary tasks `1 … n`

    ```
    max_u ⟨u, g_0⟩ − ‖u‖²/2   with   ⟨u, g_i⟩ ≥ 0 for i = 1 … n

    u = g_0 + Σ_i λ_i g_i,   λ = argmin_{λ ≥ 0} ‖g_0 + Σ_i λ_i g_i‖²
    ```

    The primary loss falls as fast as it can while no auxiliary one rises. An
    auxiliary task costs nothing where it does not conflict: a regulariser
    needs no coefficient, and a small clean set of data can guard a large noisy
    one. With several primary tasks `g_0` is their shortest convex combination
    together with the auxiliary ones: `MGDA` if all tasks are primary.

    When it does not help: an auxiliary task is never trained for its own sake;
    where the primary gradient leaves it as it is, so does `u`.

    Args:
        primary: Index of the primary task, or several. Defaults to `0`.

    Returns:
        Float32 tensor `(num_tasks,)`, the weights: 1 for one primary task, sum
        1 for several, and `λ` for the auxiliary ones.

    Raises:
        ValueError: If an index is negative, given twice, or no task's.

    Example:

    >>> from keras_tricks.multitask import PrimaryAuxiliary
    >>> guard = PrimaryAuxiliary(primary=0)
    >>> [round(float(w), 4) for w in guard([[1.0, -1.0], [-1.0, 4.0]])]
    [1.0, 0.25]

    Reference:
        Su Jianlin, 2022, https://kexue.fm/archives/8907; one primary task is
        the projection of Lopez-Paz and Ranzato, 2017,
        https://arxiv.org/abs/1706.08840. The post's iteration mends the worst
        constraint only and can stall where the primary loss goes up, with two
        auxiliary tasks or more; here the problem is solved exactly.
    """

    def __init__(self, primary: int | Sequence[int] = 0):
        indices = check_list(
            "primary",
            [primary] if isinstance(primary, int) else primary,
            int,
            "the index of a task, from 0, or several different ones",
        )
        if (
            not indices
            or not all(is_index(i) for i in indices)
            or len(set(indices)) < len(indices)
        ):
            raise ValueError(
                "`primary` must be the index of a task, from 0, or several "
                f"different ones. Received: primary={primary!r}"
            )
        self.primary = primary if isinstance(primary, int) else indices
        self.indices = indices

    def weights(self, cosines: Tensor, norms: Tensor) -> Tensor:
        num_tasks = norms.shape[0]
        if max(self.indices) >= num_tasks:
            raise ValueError(
                f"`primary` must name tasks from 0 to {num_tasks - 1}. "
                f"Received: primary={self.primary!r}"
            )
        chosen = np.isin(np.arange(num_tasks), self.indices)
        present = ops.logical_and(chosen, norms > 0.0)
        w = shortest(cosines, norms, present)
        return ops.where(ops.any(present), w, share_of(chosen))

    def get_config(self) -> dict:
        return {**super().get_config(), "primary": self.primary}


def is_index(value: Any) -> bool:
    """Whether it is an integer of at least 0."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and value >= 0
