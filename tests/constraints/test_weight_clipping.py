"""WeightClipping."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_tricks.constraints import WeightClipping
from tests.checks.configs import check_config


def test_follows_its_formula():
    w = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    found = ops.convert_to_numpy(WeightClipping(0.3)(ops.convert_to_tensor(w)))
    np.testing.assert_array_equal(found, np.clip(w, -0.3, 0.3).astype("f4"))
    check_config(WeightClipping, {"limit": 0.3})


def test_holds_after_a_training_step():
    clip = WeightClipping(0.01)
    layer = keras.layers.Dense(1, kernel_constraint=clip, bias_constraint=clip)
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    model.train_on_batch(np.ones((2, 3)), np.ones((2, 1)))
    for weight in model.get_weights():
        assert np.abs(weight).max() <= np.float32(0.01)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_names_the_bad_argument(limit):
    with pytest.raises(ValueError, match=f"limit={limit}"):
        WeightClipping(limit)
