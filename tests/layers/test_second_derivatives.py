"""Which of Keras' layers have right second derivatives, by backend.

`pytest -m "slow or not slow" -s tests/layers/test_second_derivatives.py`
prints the table.
"""

import keras
import pytest

from keras_tricks.layers._piecewise_linear import wrong_on_tensorflow
from tests.checks.float64 import in_float64
from tests.checks.second_derivatives import LAYERS
from tests.checks.second_derivatives import second_derivative_error

QUICK = ("Conv2D", "LayerNormalization", "MaxPooling2D", "GroupNormalization")
QUICK += ("UpSampling2D, bilinear", "MultiHeadAttention", "softsign")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow])
        for n in LAYERS
    ],
)
def test_second_derivatives_are_right_or_refused(name):
    shape, make = LAYERS[name]
    on_tensorflow = keras.config.backend() == "tensorflow"
    refused = on_tensorflow and wrong_on_tensorflow(make())
    with in_float64():
        error = second_derivative_error(shape, make)
    print(f"{keras.config.backend():12}{name:26}{error}")
    if refused:
        assert error == "LookupError" or error > 1e-5
    # Keras computes attention in float32 on JAX.
    elif name == "MultiHeadAttention" and keras.config.backend() == "jax":
        assert error < 1e-2
    else:
        assert error < 1e-6
