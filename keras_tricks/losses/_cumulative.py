"""Cumulative `Σ w e^(scale · v)`, exact however far apart the `v` are.

A sum is held as two arrays, its `largest` exponent and the `rest`:

    Σ_j w_j e^(scale · v_j) = rest · e^(scale · largest)

A cumulative log-sum-exp holds their logarithm, which float32 rounds to 0.02
where `scale · v` is 2e5. The largest `v` is one of the inputs, never rounded,
and what is compared are differences.
"""

from typing import Any

from keras import ops

Tensor = Any
Sums = tuple[Tensor, Tensor, Tensor]

# The largest exponent of an empty sum. Finite: −inf − (−inf) is no number.
NOTHING = -1e30
_EMPTY = (NOTHING, 0.0, 0)
# Rows of a block: few enough that the steps inside blocks, log2 of it over the
# whole array, stay fewer than log2 of the batch.
_BLOCK = 32


def cumulative(v: Tensor, weight: Tensor, mark: Tensor, scale: float) -> Sums:
    """Sum along axis 0, every row with all rows before it.

    Inside blocks of rows, then over the blocks, each time by doubling: after
    `k` steps a row holds the sum of the last `2^k`.

    Args:
        v: Exponents `(rows, columns)`.
        weight: Factors ≥ 0 of the same shape.
        mark: Integers ≥ 0 of the same shape.
        scale: Multiplies the exponents.

    Returns:
        `largest` and `rest` of each cumulative sum, and the largest mark, all
        of that shape.
    """
    largest = ops.where(weight > 0, v, NOTHING)
    sums = tuple(map(in_blocks, (largest, weight, mark), _EMPTY))
    step = 1
    while step < _BLOCK:
        sums = add(later(sums, step), sums, scale)
        step *= 2
    before = later(over_blocks(tuple(x[-1] for x in sums), scale), 1)
    sums = add(tuple(x[None] for x in before), sums, scale)
    rows = ops.shape(v)[0]
    return tuple(
        ops.reshape(ops.swapaxes(x, 0, 1), (-1, v.shape[1]))[:rows]
        for x in sums
    )


def in_blocks(x: Tensor, fill: float) -> Tensor:
    """Reshape `(rows, columns)` to `(_BLOCK, blocks, columns)`."""
    columns, blocks = x.shape[1], -(-ops.shape(x)[0] // _BLOCK)
    x = ops.pad(x, ((0, _BLOCK - 1), (0, 0)), constant_values=fill)
    x = ops.reshape(x[: blocks * _BLOCK], (-1, _BLOCK, columns))
    return ops.swapaxes(x, 0, 1)


def total(x: Tensor) -> Tensor:
    """Sum `(rows,)`, by halves first.

    XLA may add up a million numbers one after another, and lose 4e-5.
    """
    x = in_blocks(x[:, None], 0.0)
    while x.shape[0] > 1:
        half = x.shape[0] // 2
        x = x[:half] + x[half:]
    return ops.sum(x)


def over_blocks(sums: Sums, scale: float) -> Sums:
    """Make the sums of blocks cumulative; their number may be unknown."""
    blocks = ops.shape(sums[0])[0]
    place = ops.arange(blocks, dtype="int32")[:, None]

    def double(largest: Any, rest: Any, mark: Any, step: Any) -> Any:
        earlier = tuple(
            ops.where(place < step, fill, ops.roll(x, step, axis=0))
            for x, fill in zip((largest, rest, mark), _EMPTY, strict=True)
        )
        return (*add(earlier, (largest, rest, mark), scale), 2 * step)

    *sums, _ = ops.while_loop(
        lambda *state: state[-1] < blocks,
        double,
        (*sums, ops.ones((), "int32")),
    )
    return tuple(sums)


def later(sums: Sums, step: int) -> Sums:
    """Move rows down by `step`, empty sums first."""
    return tuple(
        ops.pad(
            x[:-step],
            ((step, 0), *((0, 0) for _ in x.shape[1:])),
            constant_values=fill,
        )
        for x, fill in zip(sums, _EMPTY, strict=True)
    )


def add(a: Sums, b: Sums, scale: float) -> Sums:
    """The sum of two sums; of two marks the larger."""
    gap = scale * (b[0] - a[0])
    less = ops.exp(-ops.abs(gap))
    return (
        ops.maximum(a[0], b[0]),
        ops.where(gap >= 0, a[1] * less + b[1], a[1] + b[1] * less),
        ops.maximum(a[2], b[2]),
    )
