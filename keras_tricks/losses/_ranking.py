"""`log(1 + Σ_{y_a < y_b} w_a w_b e^(scale · (s_a − s_b)))` and its gradient."""

from typing import Any

from keras import ops

from keras_tricks.losses._cumulative import NOTHING
from keras_tricks.losses._cumulative import cumulative
from keras_tricks.losses._cumulative import total

Tensor = Any

# Up to this many rows the table of all pairs is as fast, or faster.
_FEW = 64


def ranking_loss(y: Tensor, s: Tensor, w: Tensor, scale: float) -> Tensor:
    """Score how far the order of `s` is from that of `y`.

    Both ways give the gradient `g` beside the loss, in closed form, and the
    result has it as its own: `loss + Σ g (s − constant(s))`.

    Args:
        y: Labels `(rows,)` of any dtype with an order.
        s: Float scores `(rows,)`.
        w: Weights `(rows,)`; a row of weight 0 is absent.
        scale: Multiplies the scores.

    Returns:
        A scalar, NaN if a label is NaN, or a score or a weight that counts is
        not finite, or a weight is negative.
    """
    y, w = ops.stop_gradient(y), ops.stop_gradient(w)
    rows = ops.shape(s)[0]
    if isinstance(rows, int) and rows == 0:
        return ops.sum(s)
    # NaN alone differs from itself. `ops.isnan` takes no integers of unknown
    # shape on TensorFlow, and there NaN spoils the order of the others.
    unknown = y != y
    y = ops.where(unknown, ops.zeros_like(y), y)
    s = ops.where(w == 0, 0.0, s)
    odd = ((w != 0) & unknown) | ~(ops.isfinite(s) & ops.isfinite(w) & (w >= 0))
    odd = ops.any(odd)
    if isinstance(rows, int) and rows <= _FEW:
        by = by_pairs
    else:
        by = by_sorting
        order = ops.argsort(y)
        y, s, w = (ops.take(x, order, axis=0) for x in (y, s, w))
    constant = ops.stop_gradient(s)
    loss, slope = by(y, constant, w, scale)
    slope = ops.where(odd, float("nan"), slope)
    loss = ops.where(odd, float("nan"), loss)
    return loss + ops.sum(slope * (s - constant))


def by_pairs(
    y: Tensor, s: Tensor, w: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """The loss and its slope from all `rows²` pairs."""
    weight = ops.where(y[:, None] < y[None, :], w[:, None] * w[None, :], 0.0)
    top, terms = scaled_terms(s[:, None], s[None, :], weight, scale)
    low, high = ops.sum(terms, axis=1), ops.sum(terms, axis=0)
    loss, whole = log1p_total(top, ops.sum(low))
    return loss, scale / whole * (low - high)


def by_sorting(
    y: Tensor, s: Tensor, w: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """The same from rows sorted by label, in `rows · log(rows)` steps.

    Row `i` meets `Σ_{y_a < y_i} w_a e^(scale · s_a)` and
    `Σ_{y_b > y_i} w_b e^(−scale · s_b)`. Column 0 has the first, a cumulative
    sum read before the first row of the label, column 1 the second, the same
    of the scores' negatives from the end.
    """
    s, w, y = (ops.stack([x, ops.flip(x)], axis=1) for x in (s, w, y))
    v = s * ops.convert_to_tensor([[1.0, -1.0]], s.dtype)
    place = ops.arange(ops.shape(s)[0], dtype="int32")[:, None]
    new = ops.pad(y[1:] != y[:-1], ((1, 0), (0, 0)), constant_values=True)
    first = ops.where(new, place, 0)
    largest, rest, first = cumulative(v, w, first, scale)
    before = ops.maximum(first - 1, 0)
    largest = ops.take_along_axis(largest, before, axis=0)
    rest = ops.take_along_axis(rest, before, axis=0)
    weight = w * ops.where(first > 0, rest, 0.0)
    top, terms = scaled_terms(largest, v, weight, scale)
    low, high = ops.flip(terms[:, 1]), terms[:, 0]
    loss, whole = log1p_total(top, total(low))
    return loss, scale / whole * (low - high)


def scaled_terms(
    a: Tensor, b: Tensor, weight: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """`top = max(0, scale · max(a − b))` and `weight e^(scale (a − b) − top)`.

    Where scores are large, what float32 rounds away of `a − b` is no longer
    small once scaled; it is kept beside it (Knuth's two-sum).
    """
    high = a - b
    back = high - a
    low = (a - (high - back)) - (b + back)
    high = ops.where(weight > 0, high, NOTHING)
    most = ops.max(high)
    and_low = ops.max(ops.where(high == most, low, NOTHING))
    and_low = ops.where(most > 0, and_low, 0.0)
    most = ops.maximum(most, 0.0)
    terms = weight * ops.exp(scale * ((high - most) + (low - and_low)))
    return scale * (most + and_low), terms


def log1p_total(top: Tensor, terms: Tensor) -> tuple[Tensor, Tensor]:
    """`log(1 + terms e^top)` and, scaled, what it is the logarithm of."""
    return top + ops.log1p(terms + ops.expm1(-top)), terms + ops.exp(-top)
