"""Pairs of texts, or of their features, as a model of two inputs takes them."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_tricks.text.span import read_texts

Tensor = Any
Features = dict[str, np.ndarray]

_SIDES = ("first", "second")


def pair_inputs(inputs: dict[str, Tensor]) -> tuple[dict[str, Tensor], ...]:
    """New symbolic inputs like these, once for each side of a pair."""
    return tuple(
        {
            name: keras.Input(
                like.shape[1:], dtype=like.dtype, name=f"{side}_{name}"
            )
            for name, like in inputs.items()
        }
        for side in _SIDES
    )


def read_pair(
    x: Any, preprocessor: Any, names: list[str]
) -> tuple[Features, Features] | None:
    """The features of pairs of texts; None for what is no pair but a dataset.

    Args:
        x: What `fit` and its like were given.
        preprocessor: Maps a list of texts to their features.
        names: The features to return.
    """
    if x is None or not isinstance(x, (tuple, list, Mapping, str, np.ndarray)):
        return None
    if not isinstance(x, (tuple, list)) or len(x) != 2 or isinstance(x[0], str):
        raise ValueError(
            "`x` must be a pair, of a list of the first texts and a list of "
            f"the second ones. Received: x={_shortened(x)}"
        )
    first, second = (_read_side(side, preprocessor, names) for side in x)
    num_first, num_second = (len(of[names[0]]) for of in (first, second))
    if num_first != num_second or not num_first:
        raise ValueError(
            "`x` must hold as many first texts as second ones, and one at "
            f"least. Received: {num_first} first and {num_second} second texts"
        )
    return first, second


def read_targets(name: str, values: Any, count: int) -> np.ndarray | None:
    """One number per pair as an array, or raise."""
    if values is None:
        return None
    array = np.asarray(values)
    if array.shape != (count,):
        raise ValueError(
            f"`{name}` must hold one number for each of {count} pairs. "
            f"Received: {name} of shape {array.shape}"
        )
    return array


def _read_side(side: Any, preprocessor: Any, names: list[str]) -> Features:
    if not isinstance(side, Mapping):
        side = preprocessor(read_texts(side, "x"))
    missing = [name for name in names if name not in side]
    if missing:
        raise ValueError(
            f"Features must have {names}. Received: {sorted(side)}, without "
            f"{missing}"
        )
    return {name: np.asarray(side[name]) for name in names}


def _shortened(x: Any) -> str:
    words = repr(x)
    return words if len(words) < 80 else f"{words[:77]}..."
