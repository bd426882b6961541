"""The few things that `keras.ops` has no word for, on the running backend.

`jax.py`, `tensorflow.py` and `torch.py` hold the same functions; those below
pass on to the file of the backend that runs. It is imported at the first call,
so that importing the library neither needs nor chooses one.
"""

import functools
import importlib
from typing import Any

import keras

Tensor = Any


def dense(tensor: Tensor) -> Tensor:
    """The tensor itself; row slices, TensorFlow's, with equal rows summed."""
    return running().dense(tensor)


@functools.cache
def running() -> Any:
    """The module of the running backend."""
    backend = keras.config.backend()
    if backend not in ("jax", "tensorflow", "torch"):
        raise RuntimeError(
            "Gradients need the backend jax, tensorflow or torch. "
            f"Received: backend={backend!r}"
        )
    return importlib.import_module(f"keras_tricks._backend.{backend}")
