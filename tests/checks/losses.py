"""What every loss of the library keeps to."""

import keras
import numpy as np
from keras import ops

from tests.checks.configs import check_config
from tests.checks.steps import check_training


def check_loss(cls, init, y_true, y_pred):
    """The contract of a loss with one value per row.

    Args:
        cls: The loss's class.
        init: Its constructor's arguments.
        y_true: Array of labels of a batch.
        y_pred: Float32 array of scores of a batch.
    """
    check_config(cls, init)
    check_reductions(cls, init, y_true, y_pred)
    check_half_scores(cls, init, y_true, y_pred)
    check_training(
        lambda jit: compiled(cls(**init), y_pred, jit), y_pred, y_true, cls
    )


def check_reductions(cls, init, y_true, y_pred):
    """The reductions and sample weights are those of Keras."""
    rows = values(cls(**init, reduction=None)(y_true, y_pred))
    assert rows.shape[0] == len(y_pred)
    assert (rows >= 0).all()
    mean, total = (
        values(cls(**init, reduction=how)(y_true, y_pred))
        for how in ("sum_over_batch_size", "sum")
    )
    np.testing.assert_allclose(mean, rows.mean(), rtol=1e-5)
    np.testing.assert_allclose(total, rows.sum(), rtol=1e-5)
    weight = np.linspace(0, 2, rows.size).reshape(rows.shape).astype("float32")
    weighted = values(
        cls(**init, reduction="sum")(y_true, y_pred, sample_weight=weight)
    )
    np.testing.assert_allclose(weighted, (rows * weight).sum(), rtol=1e-5)


def check_half_scores(cls, init, y_true, y_pred):
    """Half-precision scores are finite, and summed in float32."""
    for dtype in ("float16", "bfloat16"):
        rounded = ops.cast(ops.convert_to_tensor(y_pred), dtype)
        exact = values(cls(**init)(y_true, ops.cast(rounded, "float32")))
        for loss in (cls(**init), cls(**init, dtype=dtype)):
            result = loss(y_true, rounded)
            assert keras.backend.standardize_dtype(result.dtype) == "float32"
            np.testing.assert_allclose(values(result), exact, rtol=1e-5)


def compiled(loss, y_pred, jit_compile):
    x = keras.Input(y_pred.shape[1:])
    scale = keras.layers.EinsumDense(
        "bi...,ij->bj...", (y_pred.shape[1], *y_pred.shape[2:])
    )
    outputs = (
        scale(x) if y_pred.ndim > 2 else keras.layers.Dense(y_pred.shape[1])(x)
    )
    model = keras.Model(x, outputs)
    model.compile("sgd", loss, jit_compile=jit_compile)
    return model


def values(x):
    return keras.ops.convert_to_numpy(x)
