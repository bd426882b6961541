"""A critic as a linear function of its input and of the scale of its biases."""

import contextlib
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from keras_tricks.layers._piecewise_linear import is_piecewise_linear
from keras_tricks.layers._piecewise_linear import sublayers

Tensor = Any

_CONSTANT_PARTS = ("Embedding", "GaussianNoise")


def is_homogeneous(discriminator: Any) -> bool:
    """Whether scores double when inputs and all biases do.

    Then, within a piece, scores are ⟨x, ∇f⟩ and what the biases add. It takes
    a piecewise linear net with no other constant in it: no offset, no table,
    and no activation that saturates.
    """
    return is_piecewise_linear(discriminator) and all(
        has_no_constant(layer) for layer in sublayers(discriminator)
    )


def has_no_constant(layer: Any) -> bool:
    """Whether nothing but its biases is added to what it is given."""
    kind = type(layer).__name__
    if kind in _CONSTANT_PARTS:
        return False
    if kind == "Rescaling":
        return not layer.offset
    if kind == "ReLU":
        return layer.max_value is None and not layer.threshold
    name = getattr(getattr(layer, "activation", None), "__name__", "linear")
    return name in ("linear", "relu", "leaky_relu")


@contextlib.contextmanager
def scaled_biases(discriminator: Any, scale: Tensor) -> Iterator[None]:
    """Add `scale`, a number a sample, times its bias in every layer.

    A layer with a bias adds it just before its activation, which is where the
    rest of it is added here.
    """
    biased = [
        layer
        for layer in sublayers(discriminator)
        if getattr(layer, "bias", None) is not None
    ]
    activations = [layer.activation for layer in biased]
    for layer in biased:
        layer.activation = after_bias(layer, layer.activation, scale)
    try:
        yield
    finally:
        for layer, activation in zip(biased, activations, strict=True):
            layer.activation = activation


def after_bias(
    layer: Any, activation: Callable, scale: Tensor
) -> Callable[[Tensor], Tensor]:
    """The activation of what has `scale` times the bias more."""

    def function(x: Tensor) -> Tensor:
        shape = [1] * len(x.shape)
        first = getattr(layer, "data_format", None) == "channels_first"
        shape[1 if first else -1] = layer.bias.shape[0]
        bias = ops.reshape(ops.cast(layer.bias, scale.dtype), shape)
        rows = ops.reshape(scale, [-1] + [1] * (len(x.shape) - 1))
        return activation(x + ops.cast(rows * bias, x.dtype))

    return function
