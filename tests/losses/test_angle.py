"""AnglE."""

import keras
import numpy as np
import pytest

from keras_tricks.losses import AnglE
from keras_tricks.losses import CoSENT
from tests.checks.configs import check_config
from tests.checks.gradients import value_and_gradient
from tests.checks.steps import check_training


def by_loops(label, pairs, scale=20.0):
    """The formula with complex numbers, in float64."""
    similarity = []
    for first, second in pairs.astype("float64"):
        half = len(first) // 2
        x = (first[:half] + 1j * first[half:]) / np.linalg.norm(first)
        z = (second[:half] + 1j * second[half:]) / np.linalg.norm(second)
        product = sum(x * np.conj(z))
        similarity.append(abs(product.real + product.imag))
    total = 1.0
    for a, low in enumerate(label):
        for b, high in enumerate(label):
            if low < high:
                total += np.exp(scale * (similarity[a] - similarity[b]))
    return np.log(total)


def batch(rows=7, dim=6):
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, rows).astype("float32")
    return label, rng.normal(size=(rows, 2, dim)).astype("float32")


def loss_of(pairs, label):
    return AnglE()(label, pairs)


def number(x):
    return float(keras.ops.convert_to_numpy(x))


def test_its_configuration_rebuilds_it():
    check_config(AnglE, dict(scale=7.0))


def test_trains_compiled_and_not():
    def make(jit_compile):
        x = keras.Input((2, 6))
        model = keras.Model(x, keras.layers.Dense(6)(x))
        model.compile("sgd", AnglE(), jit_compile=jit_compile)
        return model

    label, pairs = batch()
    check_training(make, pairs, label, AnglE)


@pytest.mark.parametrize("scale", [1.0, 20.0])
def test_follows_its_formula_at_any_length_of_the_embeddings(scale):
    label, pairs = batch()
    expected = by_loops(label, pairs, scale)
    for size in (1.0, 1e-6, 1e6):
        found = number(AnglE(scale)(label, size * pairs))
        assert found == pytest.approx(expected, rel=1e-5)


def test_its_gradient_is_the_slope_of_the_formula():
    label, pairs = batch(rows=3, dim=2)
    _, gradient = value_and_gradient(loss_of, pairs, label)
    for place in np.ndindex(pairs.shape):
        step = np.zeros(pairs.shape)
        step[place] = 1e-5
        rise = by_loops(label, pairs + step) - by_loops(label, pairs - step)
        assert gradient[place] == pytest.approx(rise / 2e-5, 1e-3, 1e-4)


def test_ranks_as_cosent_does_on_its_similarities():
    label, pairs = batch()
    weight = np.array([1, 0, 2, 1, 0.5, 0, 1], "float32")
    loss = AnglE()
    found = loss(label, pairs, sample_weight=weight)
    similarity = loss.similarity(keras.ops.convert_to_tensor(pairs))
    expected = CoSENT()(label, similarity, sample_weight=weight)
    assert number(found) == pytest.approx(number(expected), rel=1e-6)


def test_a_zero_vector_has_similarity_zero_and_no_gradient():
    label, pairs = batch()
    pairs[2, 0] = 0
    similarity = AnglE().similarity(keras.ops.convert_to_tensor(pairs))
    assert number(similarity[2]) == 0
    _, gradient = value_and_gradient(loss_of, pairs, label)
    assert np.isfinite(gradient).all()
    assert (gradient[2, 0] == 0).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_raised_to_float32(dtype):
    label, pairs = batch()
    rounded = keras.ops.cast(keras.ops.convert_to_tensor(pairs), dtype)
    exact = keras.ops.convert_to_numpy(keras.ops.cast(rounded, "float32"))
    found = AnglE(dtype=dtype)(label, rounded)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert number(found) == pytest.approx(by_loops(label, exact), rel=1e-5)


def test_names_the_bad_argument():
    with pytest.raises(ValueError, match="Received: scale=-1"):
        AnglE(scale=-1)
    label, pairs = batch()
    with pytest.raises(ValueError, match=r"y_pred of shape \(7, 2, 5\)"):
        AnglE()(label, pairs[:, :, :5])
    with pytest.raises(ValueError, match=r"y_pred of shape \(7, 1, 6\)"):
        AnglE()(label, pairs[:, :1])
    with pytest.raises(ValueError, match=r"y_pred of shape \(7, 6\)"):
        AnglE()(label, pairs[:, 0])
