"""What every layer of the library keeps to."""

import json

import keras
import numpy as np

from tests.checks.configs import check_config
from tests.checks.steps import check_training

HALF_POLICIES = ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16")


def check_layer(cls, init, inputs):
    """The contract of a layer from one float tensor to one float tensor.

    Args:
        cls: The layer's class.
        init: Its constructor's arguments.
        inputs: Float32 array, a batch.
    """
    check_config(cls, init)
    check_symbolic(cls, init, inputs)
    for policy in HALF_POLICIES:
        check_policy(cls, init, inputs, policy)
    check_training(
        lambda jit: compiled(cls, init, inputs, jit),
        inputs,
        np.zeros(len(inputs), "float32"),
        cls,
    )


def check_symbolic(cls, init, inputs):
    """Symbolic and eager results agree in shape and dtype."""
    layer = cls(**init)
    eager = layer(inputs)
    for batch, length in ((None, inputs.shape[1]), (None, None)):
        shape = (length, *inputs.shape[2:])
        symbol = cls(**init)(keras.Input(shape, batch_size=batch))
        assert len(symbol.shape) == len(eager.shape)
        for known, real in zip(symbol.shape, eager.shape, strict=True):
            assert known in (None, real)
        assert symbol.dtype == keras.backend.standardize_dtype(eager.dtype)


def check_policy(cls, init, inputs, policy):
    """Half precision gives finite results in its own dtype."""
    layer = cls(**init, dtype=policy)
    outputs = layer(inputs)
    dtype = keras.backend.standardize_dtype(outputs.dtype)
    assert dtype == layer.compute_dtype
    assert np.isfinite(as_float(outputs)).all()
    for variable in layer.trainable_variables:
        assert variable.dtype == layer.variable_dtype
    again = cls.from_config(json.loads(json.dumps(layer.get_config())))
    assert again.dtype_policy == layer.dtype_policy


def compiled(cls, init, inputs, jit_compile):
    x = keras.Input(inputs.shape[1:])
    scores = cls(**init)(x)
    squashed = keras.layers.Flatten()(keras.layers.Activation("tanh")(scores))
    model = keras.Model(x, keras.layers.Dense(1)(squashed))
    model.compile("sgd", "mse", jit_compile=jit_compile)
    return model


def as_float(x):
    return keras.ops.convert_to_numpy(keras.ops.cast(x, "float32"))
