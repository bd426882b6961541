"""FrechetDistance."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_tricks.metrics import FrechetDistance
from tests.checks.configs import check_config
from tests.checks.steps import compile_modes


def extractor():
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4, activation="relu")]
    )
    rng = np.random.default_rng(5)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def batches(seed=0, size=20):
    rng = np.random.default_rng(seed)
    real = rng.normal(size=(size, 3))
    fake = rng.normal(0.5, 2.0, size=(size, 3))
    return real.astype("float32"), fake.astype("float32")


def features(x):
    kernel, bias = (w.astype("float64") for w in extractor().get_weights())
    return np.maximum(x @ kernel + bias, 0)


def distance(h, k):
    m, C = h.mean(0), np.cov(h.T)
    r, D = k.mean(0), np.cov(k.T)
    # The trace of a root is the sum of the roots of the eigenvalues.
    roots = np.sqrt(np.maximum(np.linalg.eigvals(C @ D).real, 0))
    return np.sum((m - r) ** 2) + np.trace(C + D) - 2 * roots.sum()


def result(metric, *pairs):
    for real, fake in pairs:
        metric.update_state(real, fake)
    return float(ops.convert_to_numpy(metric.result()))


def test_is_configured_reset_and_compiled():
    check_config(FrechetDistance, {"feature_extractor": extractor()})
    real, fake = batches()
    expected = distance(features(real), features(fake))
    metric = FrechetDistance(extractor())
    for _ in range(2):
        metric.reset_state()
        assert result(metric, (real, fake)) == pytest.approx(expected, 1e-5)
    for jit in compile_modes():
        x = keras.Input((3,))
        model = keras.Model(x, keras.layers.Identity()(x))
        metric = FrechetDistance(extractor())
        model.compile("sgd", "mse", metrics=[metric], jit_compile=jit)
        logs = model.evaluate(fake, real, 7, return_dict=True, verbose=0)
        found = logs["frechet_distance"]
        assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_follows_its_formula_over_batches(seed):
    real, fake = batches(seed)
    pairs = [(real[i : i + 7], fake[i : i + 7]) for i in range(0, 20, 7)]
    expected = distance(features(real), features(fake))
    found = result(FrechetDistance(extractor()), *pairs)
    assert found == pytest.approx(expected, rel=1e-5)


def test_equal_sets_are_at_no_distance():
    real, _ = batches()
    metric = FrechetDistance(extractor())
    assert result(metric, (real, real[::-1])) == pytest.approx(0, abs=1e-4)


def test_singular_covariances_lose_no_digits():
    identity = keras.Sequential([keras.Input((8,)), keras.layers.Identity()])
    rng = np.random.default_rng(0)
    h = rng.normal(size=(64, 2)) @ rng.normal(size=(2, 8))
    k = rng.normal(size=(64, 2)) @ rng.normal(size=(2, 8)) + 1
    h, k = h.astype("float32"), k.astype("float32")
    expected = distance(h.astype("float64"), k.astype("float64"))
    found = result(FrechetDistance(identity), (h, k))
    assert found == pytest.approx(expected, rel=1e-3)


def test_sums_do_not_lose_small_numbers():
    metric = FrechetDistance(extractor())
    pair = metric.moments[:2]
    pair[0].assign(2.0**24)
    for _ in range(3):
        metric.add(pair, ops.convert_to_tensor(1.0))
    high, low = (float(ops.convert_to_numpy(v.value)) for v in pair)
    assert high + low == 2**24 + 3


def test_fewer_than_two_samples_are_nan():
    metric = FrechetDistance(extractor())
    assert np.isnan(float(ops.convert_to_numpy(metric.result())))
    real, fake = batches(size=1)
    assert np.isnan(result(metric, (real, fake)))


def test_names_the_bad_argument():
    image = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3)]
    )
    with pytest.raises(ValueError, match="`features` must have shape"):
        FrechetDistance(image)
    with pytest.raises(ValueError, match="sample_weight"):
        FrechetDistance(extractor()).update_state(
            *batches(), sample_weight=np.ones(20)
        )
