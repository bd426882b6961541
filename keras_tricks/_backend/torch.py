"""PyTorch's part of `keras_tricks._backend`."""

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


def divide_in_place(
    variable: Any, divisor: Tensor, low: float, high: float
) -> None:
    """Divide a variable, and clip it; without a copy where it can change."""
    with torch.no_grad():
        variable.value.div_(divisor).clamp_(low, high)


def value_now(variable: Any) -> np.ndarray:
    """The variable's value as float64, even while a step is traced."""
    return np.asarray(keras.ops.convert_to_numpy(variable), "float64")
