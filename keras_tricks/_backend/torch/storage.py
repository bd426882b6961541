"""Variables and gradients as PyTorch stores them."""

from typing import Any

import keras
import numpy as np
import torch

Tensor = Any


def dense(tensor: Tensor) -> Tensor:
    """The tensor itself: gradients are always dense."""
    return tensor


def add_in_place(variable: Any, value: Tensor) -> None:
    """Add to a variable, without a copy of it where tensors can change."""
    with torch.no_grad():
        variable.value.add_(value)


def zero_in_place(variable: Any) -> Tensor:
    """Set a variable to zero; its tensor, the same where tensors can change."""
    with torch.no_grad():
        return variable.value.zero_()


def divide_by_agreement(
    variable: Any, x: Tensor, y: Tensor, rate: float, low: float, high: float
) -> None:
    """Divide a variable by `exp(rate · sign(x) · sign(y))`, within a range."""
    with torch.no_grad():
        divisor = x.sign().mul_(y.sign()).mul_(rate).exp_()
        variable.value.div_(divisor).clamp_(low, high)


def store_product(variable: Any, *factors: Tensor) -> Tensor:
    """Store the product of tensors; the first may be the variable's own."""
    with torch.no_grad():
        product = torch.mul(factors[0], factors[1], out=variable.value)
        for factor in factors[2:]:
            product.mul_(factor)
    return product


def value_now(variable: Any) -> np.ndarray:
    """The variable's value as float64, even while a step is traced."""
    return np.asarray(keras.ops.convert_to_numpy(variable), "float64")
