"""How JAX and TensorFlow, whose tensors never change, store in variables."""

import math
from typing import Any

import keras

Tensor = Any


def add_in_place(variable: Any, value: Tensor) -> None:
    """Add to a variable, without a copy of it where tensors can change."""
    variable.assign_add(value)


def zero_in_place(variable: Any) -> Tensor:
    """Set a variable to zero; its tensor, the same where tensors can change."""
    variable.assign(keras.ops.zeros(variable.shape, variable.dtype))
    return variable.value


def divide_by_agreement(
    variable: Any, x: Tensor, y: Tensor, rate: float, low: float, high: float
) -> None:
    """Divide a variable by `exp(rate · sign(x) · sign(y))`, within a range."""
    sign = keras.ops.sign(x) * keras.ops.sign(y)
    divisor = keras.ops.where(sign > 0, math.exp(rate), 1.0)
    divisor = keras.ops.where(sign < 0, math.exp(-rate), divisor)
    # Clipped before it is divided: XLA writes a quotient out once, and computes
    # what is cheaper again in each loop that reads it.
    x = keras.ops.clip(variable, low * divisor, high * divisor)
    variable.assign(x / divisor)


def store_product(variable: Any, *factors: Tensor) -> Tensor:
    """Store the product of tensors; the first may be the variable's own."""
    product = math.prod(factors[1:], start=factors[0])
    variable.assign(product)
    return product
