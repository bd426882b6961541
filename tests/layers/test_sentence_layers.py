"""MaskedPooling, PairSimilarity and PairFeatures: sentences and their pairs."""

import math

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from keras_tricks.layers import MaskedPooling
from keras_tricks.layers import PairFeatures
from keras_tricks.layers import PairSimilarity
from tests.checks.configs import check_config
from tests.checks.layers import HALF_POLICIES
from tests.checks.layers import as_float
from tests.checks.layers import check_layer
from tests.checks.steps import check_training

PAIR_LAYERS = (PairSimilarity, PairFeatures)
MODES = ("mean", "cls", "max")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def pooled_as_published(mode, h, m):
    """The formula, one sequence and feature at a time."""
    out = np.zeros((h.shape[0], h.shape[2]))
    for b in range(h.shape[0]):
        kept = [i for i in range(h.shape[1]) if m[b, i]]
        for f in range(h.shape[2]):
            values = [float(h[b, i, f]) for i in kept]
            if not values:
                continue
            out[b, f] = {
                "mean": sum(values) / len(values),
                "cls": float(h[b, 0, f]),
                "max": max(values),
            }[mode]
    return out


def cosine_as_published(u, v):
    cosines = []
    for a, b in zip(u.astype("float64"), v.astype("float64"), strict=True):
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        norms = math.sqrt(sum(x * x for x in a)) * math.sqrt(
            sum(y * y for y in b)
        )
        cosines.append(dot / norms)
    return np.array(cosines)


@pytest.mark.parametrize("mode", MODES)
def test_pooling_meets_the_contract_of_layers(mode):
    check_layer(MaskedPooling, {"mode": mode}, normal(3, 5, 4))


@pytest.mark.parametrize("mode", MODES)
def test_pooling_follows_its_formula(mode):
    h = normal(4, 5, 3)
    m = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 1, 0, 1], [0] * 5])
    expected = pooled_as_published(mode, h, m)
    for mask in (m.astype(bool), m.astype("int32"), m.astype("float32")):
        found = as_float(MaskedPooling(mode)(h, mask=mask))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    whole = pooled_as_published(mode, h, np.ones_like(m))
    np.testing.assert_allclose(
        as_float(MaskedPooling(mode)(h)), whole, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("mode", MODES)
def test_what_padding_holds_changes_nothing(mode):
    h, m = normal(2, 4, 3), np.array([[1, 1, 1, 0], [1, 0, 0, 0]], bool)
    expected = as_float(MaskedPooling(mode)(h, mask=m))
    for junk in (1e30, np.nan, np.inf, -np.inf):
        spoilt = np.where(m[..., None], h, np.float32(junk))
        found = as_float(MaskedPooling(mode)(spoilt, mask=m))
        np.testing.assert_array_equal(found, expected)


def test_pooling_sums_half_precision_in_float32():
    h = np.full((1, 3000, 1), 100.0, "float32")
    for policy in HALF_POLICIES:
        found = as_float(MaskedPooling(dtype=policy)(h))
        assert found == pytest.approx(100.0)


def test_pooling_takes_the_mask_of_the_layer_before():
    ids = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])
    embedding = keras.layers.Embedding(4, 2, mask_zero=True)
    rows = as_float(embedding(ids))
    found = MaskedPooling()(embedding(ids))
    expected = np.stack([rows[0, :2].mean(axis=0), rows[1, 0]])
    np.testing.assert_allclose(as_float(found), expected, rtol=1e-6)
    assert getattr(found, "_keras_mask", None) is None


def test_similarity_follows_its_formula():
    u, v = normal(6, 5), normal(6, 5, seed=1)
    found = as_float(PairSimilarity()([u, v]))
    assert found.shape == (6,)
    np.testing.assert_allclose(found, cosine_as_published(u, v), atol=1e-6)


@given(
    st.integers(0, 10**6),
    st.sampled_from([1e-30, 1e-12, 1.0, 1e12, 1e30]),
    st.sampled_from([1e-25, 1.0, 1e25]),
)
def test_similarity_knows_directions_alone(seed, scale, other):
    u, v = normal(3, 4, seed=seed), normal(3, 4, seed=seed + 1)
    layer = PairSimilarity()
    found = as_float(layer([np.float32(scale) * u, np.float32(other) * v]))
    np.testing.assert_allclose(found, as_float(layer([u, v])), atol=2e-6)
    np.testing.assert_allclose(found, as_float(layer([v, u])), atol=2e-6)
    assert (np.abs(found) <= 1 + 1e-6).all()
    same = as_float(layer([u, -scale * u]))
    np.testing.assert_allclose(same, -1, atol=2e-6)


def test_zeros_are_similar_to_nothing_with_a_finite_gradient():
    u = np.zeros((2, 3), "float32")
    dense = keras.layers.Dense(3, kernel_initializer="zeros")
    x = keras.Input((3,))
    model = keras.Model(x, PairSimilarity()([dense(x), dense(x)]))
    model.compile("sgd", "mse")
    np.testing.assert_array_equal(as_float(PairSimilarity()([u, u + 1])), 0)
    model.train_on_batch(u + 1, np.ones(2))
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_features_are_both_vectors_and_their_distance():
    u, v = normal(3, 2), normal(3, 2, seed=1)
    found = as_float(PairFeatures()([u, v]))
    np.testing.assert_array_equal(found, np.hstack([u, v, np.abs(u - v)]))


@pytest.mark.parametrize("cls", PAIR_LAYERS)
def test_pair_layers_meet_the_contract_of_layers(cls):
    check_config(cls, {})
    u, v = normal(4, 6), normal(4, 6, seed=1)
    eager = cls()([u, v])
    symbol = cls()([keras.Input((6,)), keras.Input((6,))])
    assert symbol.shape == (None, *tuple(ops.shape(eager))[1:])
    unknown = cls()([keras.Input((None,)), keras.Input((6,))])
    assert len(unknown.shape) == len(symbol.shape)
    for policy in HALF_POLICIES:
        layer = cls(dtype=policy)
        half = layer([u, v])
        dtype = keras.backend.standardize_dtype(half.dtype)
        assert dtype == layer.compute_dtype
        np.testing.assert_allclose(as_float(half), as_float(eager), atol=0.05)

    def compiled(jit_compile):
        x = keras.Input((6,))
        pair = cls()([keras.layers.Dense(3)(x), keras.layers.Dense(3)(x)])
        last = pair if len(pair.shape) == 1 else keras.layers.Dense(1)(pair)
        model = keras.Model(x, last)
        model.compile("sgd", "mse", jit_compile=jit_compile)
        return model

    check_training(compiled, u, np.ones(4, "float32"), cls)


def test_large_half_precision_vectors_do_not_overflow():
    u = np.full((1, 64), 6e4, "float32")
    layer = PairSimilarity(dtype="float16")
    assert as_float(layer([u, u])) == pytest.approx(1, abs=1e-3)


def test_names_the_bad_argument():
    with pytest.raises(ValueError, match="mode='last'"):
        MaskedPooling("last")
    with pytest.raises(ValueError, match="3 axes"):
        MaskedPooling()(normal(2, 3))
    with pytest.raises(ValueError, match=r"`mask` must have shape"):
        MaskedPooling()(normal(2, 3, 4), mask=np.ones((2, 3, 4), bool))
    for cls in PAIR_LAYERS:
        u = normal(4, 3)
        with pytest.raises(ValueError, match="list of two tensors"):
            cls()(u)
        with pytest.raises(ValueError, match="list of two tensors"):
            cls()([u, u, u])
        with pytest.raises(ValueError, match="2 axes"):
            cls()([normal(2, 3, 4), normal(2, 3, 4)])
        for other in (u[:1], u[:, :1]):
            with pytest.raises(ValueError, match="must have one shape"):
                cls()([u, other])
