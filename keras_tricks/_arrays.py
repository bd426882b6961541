"""Nested lists, arrays and tensors as arrays of NumPy."""

from typing import Any

import keras
import numpy as np


def real_array(name: str, x: Any) -> np.ndarray:
    """Return it as an array of real numbers of its own dtype, or raise."""
    try:
        array = np.asarray(keras.ops.convert_to_numpy(x))
        kind = array.dtype.kind
    except (TypeError, ValueError):
        kind = "O"
    if kind in "OSUcmM":
        raise ValueError(
            f"`{name}` must be an array of real numbers, every row as long. "
            f"Received: {name} of type {type(x).__name__}"
        )
    return array
