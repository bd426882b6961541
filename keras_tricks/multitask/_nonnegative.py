"""Quadratic problems over non-negative numbers, by an active set."""

from typing import Any

from keras import ops

Tensor = Any
State = tuple[Tensor, ...]

# A pivot is what is left of a gradient's squared length, 1 at first, outside
# the span of those in the support; below this it is rounding.
SMALLEST_PIVOT = 1e-6
# What a slope must exceed, in the same units.
SMALLEST_SLOPE = 1e-6


def nonnegative_minimum(matrix: Tensor, linear: Tensor) -> Tensor:
    """The `y ≥ 0` that minimise `½ yᵀMy − bᵀy`, one for each row of `b`.

    Lawson and Hanson's active set. The support, where `y > 0`, gains its
    steepest coordinate, or loses the one that blocks the way to the minimum
    over it, until nothing is left to gain. Each change is one pivot of the
    tableau `[M | b]`, on which the support's own equations stay solved; no
    factorisation is needed, and all rows of `b` move together.

    Args:
        matrix: Tensor `(num_tasks, num_tasks)`, symmetric, positive
            semi-definite, its diagonal between 0 and 2.
        linear: Tensor `(rows, num_tasks)`.
    """
    rows, num_tasks = linear.shape
    M = ops.broadcast_to(matrix, (rows, num_tasks, num_tasks))
    tableau = ops.concatenate([M, linear[..., None]], axis=-1)
    nothing = ops.zeros_like(linear)
    tableau, support, _, _ = ops.while_loop(
        lambda tableau, support, y, moved: ops.any(moved),
        change_support,
        (tableau, nothing > 0.0, nothing, ops.any(nothing >= 0.0, axis=-1)),
        maximum_iterations=4 * num_tasks,
    )
    return refined(matrix, linear, tableau, support)


def change_support(
    tableau: Tensor, support: Tensor, y: Tensor, moved: Tensor
) -> State:
    """One change of each row's support, where one is due."""
    last = tableau[..., -1]
    goal = ops.where(support, last, 0.0)
    blocking = ops.logical_and(support, goal <= 0.0)
    blocked = ops.any(blocking, axis=-1, keepdims=True)
    share = ops.where(blocking, y / ops.maximum(y - goal, 1e-30), 2.0)
    step = ops.minimum(ops.min(share, axis=-1, keepdims=True), 1.0)
    y = ops.where(support, y + step * (goal - y), 0.0)
    slope = ops.where(can_enter(tableau, support), last, 0.0)
    changing = one_hot_argmax(ops.where(blocked, -share, slope))
    due = ops.logical_or(
        blocked, ops.max(slope, axis=-1, keepdims=True) > SMALLEST_SLOPE
    )
    changing = ops.logical_and(ops.logical_and(changing, due), moved[:, None])
    y = ops.where(ops.logical_and(changing, support), 0.0, y)
    support = ops.logical_xor(support, changing)
    return pivot(tableau, changing), support, y, ops.any(changing, axis=-1)


def can_enter(tableau: Tensor, support: Tensor) -> Tensor:
    """Coordinates that the support does not already span."""
    left = ops.diagonal(tableau[..., :-1], axis1=-2, axis2=-1)
    return ops.logical_and(ops.logical_not(support), left > SMALLEST_PIVOT)


def one_hot_argmax(x: Tensor) -> Tensor:
    """True at the first of the largest along the last axis."""
    place = ops.argmax(x, axis=-1)[..., None]
    return ops.cast(place, "int32") == ops.arange(x.shape[-1], dtype="int32")


def pivot(tableau: Tensor, changing: Tensor) -> Tensor:
    """Exchange a variable and its equation; nothing where none changes.

    ```
    A_ij ← A_ij − A_ik A_kj / A_kk      A_kj ← A_kj / A_kk
    A_ik ← −A_ik / A_kk                 A_kk ← 1 / A_kk
    ```
    """
    num_tasks = changing.shape[-1]
    num_sides = tableau.shape[-1] - num_tasks
    chosen = ops.cast(changing, "float32")
    row = ops.einsum("rk,rkj->rj", chosen, tableau)
    column = ops.einsum("rk,rik->ri", chosen, tableau[..., :num_tasks])
    corner = ops.sum(chosen * column, axis=-1, keepdims=True)
    corner = ops.where(corner == 0.0, 1.0, corner)
    row = row / corner
    in_row = changing[..., None]
    in_column = ops.pad(changing, ((0, 0), (0, num_sides)))[..., None, :]
    rest = tableau - column[..., None] * row[..., None, :]
    crossing = ops.where(in_row, 1.0, -column[..., None]) / corner[..., None]
    result = ops.where(in_row, row[..., None, :], rest)
    return ops.where(in_column, crossing, result)


def refined(
    matrix: Tensor, linear: Tensor, tableau: Tensor, support: Tensor
) -> Tensor:
    """The support's solution, the tableau's rounding taken out."""
    inside = ops.cast(support, "float32")
    inverse = tableau[..., :-1] * inside[..., None] * inside[..., None, :]
    y = tableau[..., -1] * inside
    for _ in range(2):
        rest = linear - ops.matmul(y, matrix)
        y = y + ops.einsum("rij,rj->ri", inverse, rest)
    return ops.maximum(y, 0.0)
