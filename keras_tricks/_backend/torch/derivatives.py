"""Derivatives by input, which are differentiated again, on PyTorch."""

from collections.abc import Callable
from typing import Any

import keras
import torch
from torch.nn.attention import SDPBackend
from torch.nn.attention import sdpa_kernel

Tensor = Any
# Weights' gradients of a convolution's gradient are slow here.
PREFERS_SECOND_CALL = True


@torch.compiler.disable
def input_gradient(
    function: Callable, x: Tensor, layer: Any, differentiable: bool
) -> tuple[Tensor, Tensor]:
    """By autograd, also in `predict`, where gradients are switched off.

    `torch.compile` has no second backward pass, so this runs eagerly in it;
    flash attention has none either.
    """
    outside = differentiable and torch.is_grad_enabled()
    with torch.inference_mode(False), torch.enable_grad():
        x = keras.tree.map_structure(lambda t: leaf(t, outside), x)
        with sdpa_kernel(SDPBackend.MATH):
            y = function(x)
        gradients = torch.autograd.grad(
            y.sum(),
            keras.tree.flatten(x),
            create_graph=outside,
            materialize_grads=True,
        )
    gradient = keras.tree.pack_sequence_as(x, gradients)
    if outside:
        return y, gradient
    return y.detach(), keras.tree.map_structure(torch.detach, gradient)


def leaf(x: Tensor, outside: bool) -> Tensor:
    """The tensor, or one without its past, to be differentiated by."""
    if x.is_inference():
        x = x.clone()
    return x if outside and x.requires_grad else x.detach().requires_grad_()


def uncompiled(function: Callable) -> Callable:
    """What runs eagerly: it exchanges methods of layers for a while."""
    return torch.compiler.disable(function)
