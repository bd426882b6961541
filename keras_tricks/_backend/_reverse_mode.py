"""Derivatives of gradients by reverse mode, as TensorFlow and PyTorch do."""

import functools
from collections.abc import Callable
from typing import Any

import keras

from keras_tricks._backend import input_gradient

Tensor = Any


def gradient_norm(
    function: Callable, x: Tensor, norm: Callable, layer: Any
) -> tuple[Tensor, Tensor]:
    """Reverse over reverse, the faster way here."""
    y, gradient = input_gradient(function, x, layer, True)
    return y, norm(gradient)


def linearized(
    function: Callable, x: Any, layer: Any
) -> tuple[Tensor, Any, Callable]:
    """Reverse mode: the products are differentiated through the gradient."""
    y, gradient = input_gradient(function, x, layer, True)
    constant = keras.tree.map_structure(keras.ops.stop_gradient, gradient)
    return y, constant, functools.partial(inner_product, gradient, y.dtype)


def inner_product(gradient: Any, dtype: Any, v: Any) -> Tensor:
    """Map tensors, or equal lists of tensors, `(batch, ...)` to `(batch,)`."""
    total: Any = 0
    for g, part in zip(
        keras.tree.flatten(gradient), keras.tree.flatten(v), strict=True
    ):
        product = keras.ops.cast(g, dtype) * keras.ops.cast(part, dtype)
        axes = tuple(range(1, len(g.shape)))
        total = total + keras.ops.sum(product, axis=axes)
    return total
