"""Arrays of any library, checked and converted."""

from typing import Any

import numpy as np

from keras_tricks._arrays import real_array
from keras_tricks._checks import check_rank


def to_array(name: str, x: Any) -> np.ndarray:
    """Return nested lists, an array or a tensor as an array of real numbers.

    Integers and flags become float64; float dtypes are kept, so that a caller
    knows which values lie between two scores.
    """
    array = real_array(name, x)
    kind = array.dtype.kind
    return array.astype("float64") if kind in "biu" else array


def check_samples(name: str, array: np.ndarray, axes: tuple[str, ...]) -> None:
    """Raise unless there is at least one sample and all numbers are finite."""
    check_rank(name, array.shape, len(axes), f"({', '.join(axes)})")
    if array.size == 0:
        raise ValueError(
            f"`{name}` must hold at least one sample. "
            f"Received: {name} of shape {array.shape}"
        )
    check_finite(name, array)


def check_finite(name: str, array: np.ndarray) -> None:
    """Raise if a number is NaN or infinite."""
    bad = array.size - np.count_nonzero(np.isfinite(array))
    if bad:
        raise ValueError(
            f"`{name}` must be finite. Received: {name} with {bad} of "
            f"{array.size} values NaN or infinite"
        )


def check_as_many(labels: np.ndarray, name: str, array: np.ndarray) -> None:
    """Raise unless there is one label for each sample."""
    if labels.shape != array.shape[:1]:
        raise ValueError(
            f"`labels` must have one label for each of the {len(array)} "
            f"samples in `{name}`, shape {array.shape[:1]}. Received: labels "
            f"of shape {labels.shape}"
        )
