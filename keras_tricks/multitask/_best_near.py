"""The direction near another in which the least gain is largest."""

from typing import Any

from keras import ops

from keras_tricks.multitask._nonnegative import SMALLEST_PIVOT
from keras_tricks.multitask._nonnegative import SMALLEST_SLOPE
from keras_tricks.multitask._nonnegative import one_hot_argmax
from keras_tricks.multitask._nonnegative import pivot

Tensor = Any
State = tuple[Tensor, ...]

INFINITY = float("inf")


def best_near(
    cosines: Tensor, inner: Tensor, scale: Tensor, radius: float
) -> Tensor:
    """The `y ≥ 0` for which `d = g + Σ_j y_j ĝ_j` has the largest least gain.

    ```
    max t   with   ⟨ĝ_j, d⟩ ≥ t a_j   and   ‖d − g‖ ≤ radius
    ```

    for unit vectors `ĝ_j` and `g`. Where `t` is small nothing is asked. As it
    rises, the nearest `d` that keeps the bounds moves along straight lines,
    `y = t p + q`, and at each bend one bound becomes active or inactive: one
    pivot of the tableau `[C | a, −h]`. The way ends at the radius, or where no
    `d` keeps the bounds.

    Args:
        cosines: Tensor `(num_tasks, num_tasks)`, `C_ij = ⟨ĝ_i, ĝ_j⟩`.
        inner: Tensor `(num_tasks,)`, `h_j = ⟨ĝ_j, g⟩`.
        scale: Tensor `(num_tasks,)`, `a ≥ 0`; bounds with `a_j = 0` are left
            out.
        radius: The largest distance from `g`.
    """
    num_tasks = inner.shape[0]
    h = ops.where(scale > 0.0, inner, 0.0)
    sides = ops.stack([scale, -h], axis=-1)
    tableau = ops.concatenate([cosines, sides], axis=-1)[None]
    low = ops.cast(-1e30, "float32")
    tableau, support, t, _ = ops.while_loop(
        lambda tableau, support, t, moved: moved,
        lambda tableau, support, t, moved: next_bend(
            tableau, support, t, cosines, scale, radius
        ),
        (tableau, scale < 0.0, low, low < 0.0),
        maximum_iterations=4 * num_tasks,
    )
    p, q = line(tableau, support)
    return ops.maximum(ops.where(t > low, t, 0.0) * p + q, 0.0)


def next_bend(
    tableau: Tensor,
    support: Tensor,
    t: Tensor,
    cosines: Tensor,
    scale: Tensor,
    radius: float,
) -> State:
    """Follow one straight piece, to its end and, if it bends, around it."""
    rate, rest = tableau[0, :, -2], tableau[0, :, -1]
    rate = ops.where(support, -rate, rate)
    rest = ops.where(support, -rest, rest)
    meets = rate > SMALLEST_SLOPE
    at = ops.where(meets, -rest / ops.where(meets, rate, 1.0), 1e30)
    at = ops.maximum(at, t)
    changing = one_hot_argmax(-at)
    p, q = line(tableau, support)
    y = ops.where(support, ops.maximum(t * p + q, 0.0), 0.0)
    end = t + end_within(cosines, scale, y, p, radius)
    left = ops.diagonal(tableau[0, :, :-2])
    possible = ops.logical_or(support, left > SMALLEST_PIVOT)
    possible = ops.any(ops.logical_and(changing, possible))
    bend = ops.min(at)
    bends = ops.logical_and(possible, bend < end)
    t = ops.minimum(bend, end)
    changing = ops.logical_and(changing, bends)
    support = ops.logical_xor(support, changing)
    return pivot(tableau, changing[None]), support, t, bends


def line(tableau: Tensor, support: Tensor) -> tuple[Tensor, Tensor]:
    """The `p` and `q` of `y = t p + q`, zero outside the support."""
    p, q = tableau[0, :, -2], tableau[0, :, -1]
    return ops.where(support, p, 0.0), ops.where(support, q, 0.0)


def end_within(
    cosines: Tensor, scale: Tensor, y: Tensor, p: Tensor, radius: float
) -> Tensor:
    """The largest `δ` with `‖Σ_j (y + δ p)_j ĝ_j‖ ≤ radius`.

    On the support `C p = a`, so the square is `δ² aᵀp + 2δ aᵀy + yᵀCy`.
    """
    square, cross = ops.sum(scale * p), ops.sum(scale * y)
    room = ops.maximum(radius**2 - ops.sum(y * ops.matmul(cosines, y)), 0.0)
    rising = square > 0.0
    root = ops.sqrt(cross * cross + ops.where(rising, square, 1.0) * room)
    return ops.where(rising, room / ops.maximum(cross + root, 1e-30), INFINITY)
