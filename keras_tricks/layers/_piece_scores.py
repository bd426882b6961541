"""Normalised scores whose derivative is taken on one linear piece."""

from collections.abc import Callable
from typing import Any

from keras import ops

from keras_tricks._backend import input_gradient
from keras_tricks._backend import linearized
from keras_tricks._backend import prefers_second_call
from keras_tricks._backend import uncompiled
from keras_tricks._euclidean_norm import at_least_float32
from keras_tricks._euclidean_norm import euclidean_norm
from keras_tricks._linear_pieces import Gates

Tensor = Any


def piece_scores(layer: Any, f: Callable, x: Tensor) -> Tensor:
    """The scores, with their derivative along one path through the net.

    Within a piece f(x) = ⟨x, ∇f⟩ + r, where r is what the biases add. With α
    and β the derivatives of f̂ by f and by n, that of f̂ is the derivative of a
    single value of the piece,

        α · (⟨x + ρu, ∇f⟩ + r),   α, ρ = β / α, u = ∇f / n constant.

    Args:
        layer: The `GradientNormalization`.
        f: From `x`, the scale of biases to add again and `Gates`, to scores.
        x: Samples.
    """
    y, g, piece = linear_piece(layer, f, x)
    y, n = ops.stop_gradient(y), euclidean_norm(g)
    scores, slopes = input_gradient(
        lambda pair: layer.normalize(pair[:, 0], pair[:, 1]),
        ops.stack([y, n], axis=1),
        differentiable=False,
    )
    alpha, beta = (ops.stop_gradient(slopes[:, i]) for i in (0, 1))
    divisor = alpha * n
    rho = beta / ops.where(divisor == 0, 1.0, divisor)
    rho = ops.where(divisor == 0, 0.0, rho)
    rho = ops.reshape(rho, [-1] + [1] * (len(x.shape) - 1))
    z = at_least_float32(x) + rho * at_least_float32(g)
    slope = alpha * piece(ops.cast(z, x.dtype))
    return ops.stop_gradient(scores) + (slope - ops.stop_gradient(slope))


def linear_piece(
    layer: Any, f: Callable, x: Tensor
) -> tuple[Tensor, Tensor, Callable]:
    """Scores, their gradient, and the linear function that f is around x.

    It is f with the same gates, or a derivative: along `z`, and by the scale of
    the biases.
    """
    if layer.is_repeatable and prefers_second_call():
        gates = Gates(kept=True)
        y, g = input_gradient(
            lambda x: f(x, None, gates), x, layer, differentiable=False
        )
        return y, g, uncompiled(lambda z: f(z, None, gates.replay()))
    one_of_each = x[(slice(None), *[0] * (len(x.shape) - 1))]
    scale = at_least_float32(ops.zeros_like(one_of_each))
    y, (g, _), product = linearized(lambda pair: f(*pair), [x, scale], layer)
    return y, g, lambda z: product([z, ops.ones_like(scale)])


def frozen_piece_scores(layer: Any, f: Callable, x: Tensor) -> Tensor:
    """The scores, linear in `x`, with `n` constant within the piece."""
    constant = ops.stop_gradient(x)
    y, g = input_gradient(f, constant, layer, differentiable=False)
    y, g = ops.stop_gradient(y), ops.stop_gradient(g)
    axes = tuple(range(1, len(x.shape)))
    step = ops.cast(g * (x - constant), y.dtype)
    return layer.normalize(y + ops.sum(step, axis=axes), euclidean_norm(g))
