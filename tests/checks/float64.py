"""Keras in float64, for comparisons with finite differences."""

import contextlib

import keras
import pytest


@contextlib.contextmanager
def in_float64():
    """Let layers, `keras.ops` and JAX compute in float64, not in float32."""
    from keras.src.backend.common import dtypes

    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.delitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", raising=False)
        if keras.config.backend() == "jax":
            import jax

            stack.enter_context(jax.enable_x64(True))
        stack.callback(keras.config.set_dtype_policy, "float32")
        keras.config.set_dtype_policy("float64")
        yield
