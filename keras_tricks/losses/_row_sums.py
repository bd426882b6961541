"""`log Σ_j e^(c[i,j] + e[j,a])` without holding types × length² numbers."""

import math
from typing import Any

from keras import ops

from keras_tricks._span_factors import FORBIDDEN_BELOW
from keras_tricks.losses._zero_bounded import log_or_minus_infinity

Tensor = Any

# exp(x) is 0 in float32 below −87: a sum of up to e^9 products that is above
# e^−60 has lost less than e^(9 − 87 + 60) = 2e−8 of itself.
_SAFE = -60.0
_NEGLIGIBLE = -25.0


def row_log_sums(c: Tensor, e: Tensor, s: Tensor, counted: Tensor) -> Tensor:
    """Sum the scores of each start token over its end tokens, in log space.

    ```
    R[i,a] = C_i + E_a + log Σ_j e^(c[i,j] − C_i) e^(e[j,a] − E_a)
    ```

    with `C_i = max_j c[i,j]` and `E_a = max_j e[j,a]`: a matrix product of
    `(length, length)` by `(length, types)`. Where the largest `c` and the
    largest `e` never meet, every product may underflow. A lost product is
    below e^−87, so a sum above e^−60 keeps its digits, and one below is less
    than `e^(C_i + E_a − 60)`. Where that bound is not negligible beside the
    type's total (e^−25), the sums are taken again in log space, one end token
    after another, in the same memory and exactly.

    Args:
        c: Span factor `(batch, length, length)`.
        e: End factor `(batch, length, types)`.
        s: Start factor `(batch, length, types)`.
        counted: Booleans `(batch, length, types)`: rows whose sums are used.

    Returns:
        `R`, `(batch, length, types)`; −inf or hugely negative for rows in
        which every pair is forbidden.
    """
    usable = ops.max(c, axis=1)[..., None] > FORBIDDEN_BELOW
    e = ops.where(usable, e, -1e9)
    top_c = ops.stop_gradient(ops.max(c, axis=2, keepdims=True))
    top_e = ops.stop_gradient(ops.max(e, axis=1, keepdims=True))
    products = ops.matmul(ops.exp(c - top_c), ops.exp(e - top_e))
    fast = top_c + top_e + log_or_minus_infinity(products)

    bound = ops.where(
        counted & (products < math.exp(_SAFE)),
        s + top_c + top_e + _SAFE,
        -float("inf"),
    )
    known = ops.where(counted & (products >= math.exp(_SAFE)), s + fast, -1e30)
    total = ops.max(known, axis=1, keepdims=True)
    lost = (bound > total + _NEGLIGIBLE) & (top_c > FORBIDDEN_BELOW)
    return ops.cond(
        ops.any(ops.stop_gradient(lost)),
        lambda: streamed_log_sums(c, e),
        lambda: fast,
    )


@ops.custom_gradient
def streamed_log_sums(c: Tensor, e: Tensor) -> Any:
    """`log Σ_j e^(c[i,j] + e[j,a])`, exact at any scale, one j at a time.

    Forward and backward hold a few `(batch, length, types)` at a time.
    """
    columns = ops.transpose(c, (2, 0, 1)), ops.transpose(e, (1, 0, 2))

    def scores(j: Any) -> Tensor:
        of_c, of_e = (ops.take(column, j, axis=0) for column in columns)
        return of_c[:, :, None] + of_e[:, None, :]

    def add(j: Any, carry: Any) -> Any:
        top, total = carry
        x = scores(j)
        higher = ops.maximum(top, x)
        return higher, total * ops.exp(top - higher) + ops.exp(x - higher)

    nothing = 0.0 * scores(0)
    # Lower than any score, and finite: −inf − (−inf) is no number.
    top, total = ops.fori_loop(
        0, ops.shape(c)[2], add, (nothing - 1e30, nothing)
    )
    sums = top + ops.log(ops.maximum(total, 1e-30))

    def grad(*args: Any, upstream: Any = None) -> Any:
        upstream = args[0] if upstream is None else upstream

        def shares(column: Any) -> Any:
            x = column[0][:, :, None] + column[1][:, None, :]
            part = upstream * ops.exp(x - sums)
            return ops.sum(part, axis=2), ops.sum(part, axis=1)

        of_c, of_e = ops.map(shares, columns)
        return ops.transpose(of_c, (1, 2, 0)), ops.transpose(of_e, (1, 0, 2))

    return sums, grad
