"""GradientPenalty."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_tricks.regularizers import GradientPenalty
from tests.checks.configs import check_config
from tests.checks.float64 import in_float64
from tests.checks.slopes import slope_error


class Square(keras.layers.Layer):
    """f(x) = ‖x‖² / 2, whose gradient is x."""

    def call(self, x, training=None):
        return ops.sum(ops.square(x), axis=(1, 2)) / 2

    def compute_output_shape(self, input_shape):
        return input_shape[:1]


def pair():
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, 5, 2, 3)).astype("float32")


@pytest.mark.parametrize("target", [0.0, 1.0])
@pytest.mark.parametrize("at", ["real", "fake"])
def test_follows_its_formula(at, target):
    real, fake = pair()
    x = real if at == "real" else fake
    lengths = [np.sqrt(np.sum(row**2)) for row in x]
    expected = 7 * np.mean([(n - target) ** 2 for n in lengths])
    penalty = GradientPenalty(7.0, target, at)
    tensors = (ops.convert_to_tensor(t) for t in (real, fake))
    found = ops.convert_to_numpy(penalty(Square(), *tensors))
    assert found == pytest.approx(expected, rel=1e-5)


def test_looks_on_the_lines_between_pairs():
    real, fake = pair()
    penalty = GradientPenalty(1.0, 0.0, seed=1)
    tensors = [ops.convert_to_tensor(t) for t in (real, fake)]
    z = ops.convert_to_numpy(penalty.points(*tensors))
    t = (z - fake) / (real - fake)
    np.testing.assert_allclose(t, t[:, :1, :1] + 0 * t, atol=1e-3)
    assert t.min() > 0
    assert t.max() < 1
    assert np.ptp(t[:, 0, 0]) > 0.1


def test_its_gradients_are_those_of_finite_differences():
    with in_float64():
        dense = keras.layers.Dense
        net = keras.Sequential([dense(5, "tanh"), dense(1)])
        real, fake = (
            keras.Variable(t.reshape(5, 6).astype("float64"), dtype="float64")
            for t in pair()
        )
        net.build((None, 6))
        rng = np.random.default_rng(1)
        net.set_weights([rng.normal(size=w.shape) for w in net.get_weights()])
        penalty = GradientPenalty(2.0, at="real")

        def loss():
            return penalty(net, ops.copy(real.value), fake.value)

        assert slope_error(loss, [real, *net.trainable_variables]) < 1e-6


def test_a_constant_critic_costs_the_target():
    net = keras.layers.Dense(1, kernel_initializer="zeros")
    x = ops.ones((2, 3))
    found = GradientPenalty(10.0)(net, x, x)
    assert float(ops.convert_to_numpy(ops.stop_gradient(found))) == 10.0


def test_refuses_what_it_cannot_differentiate():
    x = ops.ones((2, 3))
    with pytest.raises(ValueError, match="one score per sample"):
        GradientPenalty()(keras.layers.Dense(2), x, x)
    net = [keras.layers.LayerNormalization(), keras.layers.Dense(1)]
    if keras.config.backend() == "tensorflow":
        with pytest.raises(ValueError, match="LayerNormalization"):
            GradientPenalty()(keras.Sequential(net), x, x)
    else:
        GradientPenalty()(keras.Sequential(net), x, x)


def test_differentiates_the_net_as_it_is_in_training():
    net = keras.Sequential([keras.layers.Dropout(0.9, seed=1)])
    net.add(keras.layers.Dense(1, kernel_initializer="ones"))
    x = ops.ones((32, 4))
    found = GradientPenalty(1.0, 0.0, "real")(net, x, x)
    assert abs(float(ops.convert_to_numpy(ops.stop_gradient(found))) - 4) > 0.1


def test_names_the_bad_argument():
    check_config(GradientPenalty, dict(weight=1.0, at="real", seed=3))
    with pytest.raises(ValueError, match=r"weight=-1\.0"):
        GradientPenalty(-1.0)
    with pytest.raises(ValueError, match=r"target=-1\.0"):
        GradientPenalty(target=-1.0)
    with pytest.raises(ValueError, match="at='line'"):
        GradientPenalty(at="line")
