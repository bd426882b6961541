"""Derivatives by input, which are differentiated again, on JAX."""

import contextlib
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from keras_tricks._backend.jax.recording import Recorded

Tensor = Any
PREFERS_SECOND_CALL = False


_depth = 0


@contextlib.contextmanager
def deeper() -> Iterator[None]:
    """One more function is being differentiated."""
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1


def input_gradient(
    function: Callable, x: Tensor, layer: Any, differentiable: bool
) -> tuple[Tensor, Tensor]:
    """By reverse mode; unused results cost nothing once compiled."""
    recorded = Recorded(function)

    def total(x: Tensor) -> Any:
        y, effects = recorded(x)
        return jnp.sum(y), (y, effects)

    with deeper():
        gradient, (y, effects) = jax.grad(total, has_aux=True)(x)
    recorded.replay(effects, layer)
    return y, gradient


def gradient_norm(
    function: Callable, x: Tensor, norm: Callable, layer: Any
) -> tuple[Tensor, Tensor]:
    """Forward over reverse: the norm as a derivative along its own direction.

    ```
    ‖∇f‖ = ⟨u, ∇f⟩,  u = ∇f / ‖∇f‖ held constant
    ```

    The norm is the maximum of ⟨u, ∇f⟩ over unit vectors u, so its derivative
    is that of the product at the best u. A second derivative of u would be
    missing, hence the general way inside another derivative.
    """
    if _depth:
        y, gradient = input_gradient(function, x, layer, True)
        return y, norm(gradient)
    y, gradient, slope = linearized(function, x, layer)
    n, pull = jax.vjp(norm, gradient)
    (u,) = pull(jnp.ones_like(n))
    along = slope(u).astype(n.dtype)
    # The value is the norm's, which half precision rounds less.
    return y, n + (along - jax.lax.stop_gradient(along))


def linearized(
    function: Callable, x: Any, layer: Any
) -> tuple[Tensor, Any, Callable]:
    """Forward mode, and its transpose for the gradient."""
    recorded = Recorded(function)
    with deeper():
        y, slope, effects = jax.linearize(recorded, x, has_aux=True)
    recorded.replay(effects, layer)
    (gradient,) = jax.linear_transpose(slope, x)(jnp.ones_like(y))
    return y, jax.lax.stop_gradient(gradient), slope


def uncompiled(function: Callable) -> Callable:
    """The function itself."""
    return function
