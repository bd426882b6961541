"""Linear pieces of nets, as the critics' layers and penalties use them."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_tricks._linear_pieces import Gates
from keras_tricks._linear_pieces import linear_pieces

layers = keras.layers


def net():
    parts = [
        layers.Conv2D(3, 3, activation="leaky_relu"),
        layers.LeakyReLU(0.3),
        layers.Conv2D(3, 2, activation="relu", use_bias=False),
        layers.ReLU(negative_slope=0.1),
        layers.DepthwiseConv2D(2),
        layers.ReLU(),
        layers.Flatten(),
        layers.Dense(1),
    ]
    made = keras.Sequential([keras.Input((6, 6, 2)), *parts])
    rng = np.random.default_rng(0)
    made.set_weights([rng.normal(size=w.shape) for w in made.get_weights()])
    return made


def samples(seed):
    rng = np.random.default_rng(seed)
    return ops.array(rng.normal(size=(3, 6, 6, 2)), "float32")


def to_numpy(x):
    return ops.convert_to_numpy(ops.stop_gradient(x))


def test_values_are_the_same_and_the_net_is_given_back():
    critic = net()
    before = [dict(vars(layer)) for layer in critic.layers]
    expected = to_numpy(critic(samples(1)))
    with linear_pieces(critic):
        found = to_numpy(critic(samples(1)))
        assert "call" in vars(critic.layers[1])
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for layer, attributes in zip(critic.layers, before, strict=True):
        assert set(vars(layer)) == set(attributes)
        name = "activation"
        assert vars(layer).get(name) is attributes.get(name)


def test_gives_the_net_back_after_an_error():
    critic = net()
    with pytest.raises(ZeroDivisionError), linear_pieces(critic):
        raise ZeroDivisionError
    assert critic.layers[0].activation is keras.activations.leaky_relu
    assert "call" not in vars(critic.layers[1])


def test_pieces_are_affine_once_gates_are_kept():
    critic, gates = net(), Gates(kept=True)

    def piece(x):
        with linear_pieces(critic, gates=gates.replay()):
            return to_numpy(critic(x))

    with linear_pieces(critic, gates=gates):
        expected = to_numpy(critic(samples(1)))
    a, b = samples(2), samples(3)
    np.testing.assert_allclose(piece(samples(1)), expected, rtol=1e-4)
    middle = piece(0.5 * (a + b))
    np.testing.assert_allclose(middle, (piece(a) + piece(b)) / 2, rtol=1e-3)
    assert np.abs(piece(a) - to_numpy(critic(a))).max() > 0.1


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_biases_are_scaled_for_each_sample(data_format):
    first = data_format == "channels_first"
    if first and keras.config.backend() == "tensorflow":
        pytest.skip("no convolution of this format on its CPU")
    conv = layers.Conv2D(3, 2, data_format=data_format)
    x = samples(1)
    x = ops.transpose(x, (0, 3, 1, 2)) if first else x
    without = to_numpy(conv(x))
    scale = np.array([-1.0, 0.0, 2.0], "float32")
    conv.bias.assign([1.0, 2.0, 3.0])
    bias = np.reshape([1.0, 2.0, 3.0], (1, 3, 1, 1) if first else (1, 1, 1, 3))
    with linear_pieces(conv, ops.array(scale)):
        found = to_numpy(conv(x))
    expected = without + bias * (1 + scale[:, None, None, None])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_what_it_does_not_know_it_leaves_alone():
    for layer in (
        layers.ReLU(max_value=1.0),
        layers.ReLU(threshold=1.0),
        layers.Dense(1, "tanh"),
    ):
        before = dict(vars(layer))
        with linear_pieces(layer):
            assert vars(layer) == before
    with linear_pieces(ops.relu):
        pass
