"""Samples, and what a critic is given beside them."""

from typing import Any

import keras

Tensor = Any


def split(inputs: Any) -> tuple[Tensor, list]:
    """The samples, and what they are conditioned on."""
    if isinstance(inputs, (list, tuple)):
        return inputs[0], list(inputs[1:])
    return inputs, []


def is_shape(shape: Any) -> bool:
    """Whether it is one shape, not several."""
    return isinstance(shape, (list, tuple)) and all(
        size is None or isinstance(size, int) for size in shape
    )


def shapes(input_shape: Any) -> list:
    """The shape of each input."""
    return [input_shape] if is_shape(input_shape) else list(input_shape)


def check_float(x: Tensor) -> None:
    """Raise unless a gradient with respect to `x` exists."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    if "float" not in dtype:
        raise ValueError(
            "`inputs` must be floats to be differentiated; cast them before. "
            f"Received: inputs of dtype {dtype}"
        )
