"""CoSENT."""

import math

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.losses import CoSENT
from tests.checks.configs import check_config
from tests.checks.gradients import value_and_gradient
from tests.checks.steps import check_training
from tests.checks.steps import compile_modes

# The table of all pairs is used for the first, sorted rows for the others.
FEW, MANY = 24, 100


def by_loops(label, score, weight=None, scale=20.0):
    """The formula and its slope, a pair at a time, in float64."""
    rows = range(len(label))
    weight = np.ones(len(label)) if weight is None else weight
    weight, score = weight.astype("float64"), score.astype("float64")
    terms = [
        (scale * (score[a] - score[b]), weight[a] * weight[b], a, b)
        for a in rows
        for b in rows
        if label[a] < label[b] and weight[a] * weight[b] > 0
    ]
    top = max([0.0, *(x for x, *_ in terms)])
    parts = [(w * math.exp(x - top), a, b) for x, w, a, b in terms]
    total = sum(p for p, *_ in parts)
    value = top + math.log1p(total + math.expm1(-top))
    slope = np.zeros(len(label))
    for part, a, b in parts:
        share = scale * part / (total + math.exp(-top))
        slope[a] += share
        slope[b] -= share
    return value, slope


def batch(seed=0, rows=FEW, levels=4, spread=0.3):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, levels, rows).astype("float32")
    return label, (spread * rng.normal(size=rows)).astype("float32")


def loss_of(score, label):
    return CoSENT()(label, score)


def weighted_loss_of(score, label, weight):
    return CoSENT(scale=5.0)(label, score, sample_weight=weight)


def number(x):
    return float(keras.ops.convert_to_numpy(x))


def assert_same(found, expected):
    """Values agree to 1e-6, slopes to 1e-5 of the largest."""
    (value, gradient), (exact, slope) = found, expected
    assert value == pytest.approx(exact, rel=1e-6, abs=1e-30)
    most = abs(slope).max()
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=1e-5 * most)


def test_its_configuration_rebuilds_it():
    check_config(CoSENT, dict(scale=7.0))


def test_trains_compiled_and_not():
    def make(jit_compile):
        x = keras.Input((3,))
        model = keras.Model(x, keras.layers.Dense(1)(x))
        model.compile("sgd", CoSENT(1.0), jit_compile=jit_compile)
        return model

    label, _ = batch()
    x = np.random.default_rng(0).normal(size=(FEW, 3)).astype("float32")
    check_training(make, x, label, CoSENT)


@pytest.mark.parametrize("rows", [FEW, MANY])
@pytest.mark.parametrize("levels", [2, 4, 1000])
def test_follows_its_formula(rows, levels):
    label, score = batch(rows=rows, levels=levels)
    found = value_and_gradient(loss_of, score, label)
    assert_same(found, by_loops(label, score))


@given(
    st.integers(0, 10_000),
    st.sampled_from([FEW, MANY]),
    st.sampled_from([1, 2, 3, 50]),
    st.sampled_from([1e-3, 0.1, 1.0, 100.0, 1e4]),
)
def test_stays_exact_at_any_scale_with_weights(seed, rows, levels, spread):
    label, score = batch(seed, rows, levels, spread)
    rng = np.random.default_rng(seed)
    weight = rng.exponential(size=rows) * (rng.random(rows) < 0.8)
    weight = weight.astype("float32")
    found = value_and_gradient(weighted_loss_of, score, label, weight)
    assert_same(found, by_loops(label, score, weight, scale=5.0))


@pytest.mark.parametrize("rows", [FEW, MANY])
def test_large_scores_a_hair_apart_keep_their_gradients(rows):
    # The violations differ by less than float32 resolves at their size.
    rng = np.random.default_rng(0)
    label = np.repeat([0.0, 1.0], rows // 2).astype("float32")
    score = np.where(label == 0, 9000.0, -1000.0) + 0.1 * rng.random(rows)
    score = score.astype("float32")
    found = value_and_gradient(loss_of, score, label)
    assert_same(found, by_loops(label, score))


def test_a_large_batch_needs_no_table_of_pairs():
    label, score = batch(rows=20_000, levels=6)
    value, gradient = value_and_gradient(loss_of, score, label)
    order = np.argsort(label, kind="stable")
    y, x = label[order], 20.0 * score[order].astype("float64")
    above = np.logaddexp.accumulate(-x[::-1])[::-1]
    first = np.searchsorted(y, y, side="right")
    inner = first < len(y)
    logs = x[inner] + above[first[inner]]
    exact = np.logaddexp.reduce([0.0, *logs])
    assert value == pytest.approx(exact, rel=1e-6)
    slope = np.zeros(len(y))
    slope[order[inner]] = 20.0 * np.exp(logs - exact)
    lowest = label == 0
    np.testing.assert_allclose(gradient[lowest], slope[lowest], 1e-4, 1e-12)
    assert gradient.sum() == pytest.approx(0, abs=1e-4)


@given(st.integers(0, 10_000))
def test_only_the_order_of_labels_and_the_gaps_of_scores_count(seed):
    label, score = batch(seed)
    score = np.round(score * 1024) / 1024  # Exact when it is moved.
    expected = number(CoSENT()(label, score))
    moved = number(CoSENT()(np.exp(label) - 3, score + 0.5))
    assert moved == pytest.approx(expected, rel=1e-6)


def test_the_scale_multiplies_the_scores():
    label, score = batch()
    found = number(CoSENT(scale=3.0)(label, score))
    assert found == pytest.approx(by_loops(label, score, scale=3.0)[0], 1e-6)


@pytest.mark.parametrize("rows", [FEW, MANY])
def test_rows_of_weight_zero_are_absent(rows):
    label, score = batch(rows=rows)
    score -= 1000  # Nothing beside e^0, should an absent row leave that.
    weight = (np.arange(rows) % 3 > 0).astype("float32")
    expected, slope = by_loops(label[weight > 0], score[weight > 0], scale=5.0)
    score[weight == 0] = np.tile([np.nan, np.inf, 1e20], rows)[:rows][
        weight == 0
    ]
    label[weight == 0] = np.nan
    value, gradient = value_and_gradient(weighted_loss_of, score, label, weight)
    assert value == pytest.approx(expected, rel=1e-6)
    assert (gradient[weight == 0] == 0).all()
    np.testing.assert_allclose(
        gradient[weight > 0], slope, rtol=0, atol=1e-5 * abs(slope).max()
    )


class PairMask(keras.layers.Layer):
    """Masks the rows whose first feature is 0."""

    def call(self, x):
        return keras.ops.sum(x, axis=1)

    def compute_mask(self, inputs, previous_mask=None):
        return inputs[:, 0] != 0


def test_masked_rows_are_absent():
    x = np.random.default_rng(0).normal(size=(6, 2)).astype("float32")
    x[[1, 4], 0] = 0
    label = np.array([0, 1, 2, 0, 1, 2], "float32")
    weight = np.array([1, 1, 2, 1, 1, 0.5], "float32")
    found = CoSENT()(label, PairMask()(x), sample_weight=weight)
    weight[[1, 4]] = 0
    expected, _ = by_loops(label, x.sum(axis=1), weight)
    assert number(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("rows", [1, FEW, MANY])
def test_equal_labels_give_nothing_not_even_a_gradient(rows):
    _, score = batch(rows=rows, spread=100.0)
    label = np.full(rows, 2.0, "float32")
    value, gradient = value_and_gradient(loss_of, score, label)
    assert value == 0
    assert (gradient == 0).all()


def test_an_empty_batch_gives_nothing():
    empty = np.zeros(0, "float32")
    assert number(CoSENT()(empty, empty)) == 0


@pytest.mark.parametrize("rows", [FEW, MANY])
@pytest.mark.parametrize("place", ["label", "score", "infinite", "weight"])
def test_what_is_no_number_is_not_hidden(rows, place):
    label, score = batch(rows=rows)
    weight = np.ones(rows, "float32")
    if place == "label":
        label[3] = np.nan
    elif place == "weight":
        weight[3] = -1
    elif place == "score":
        score[3] = np.nan
    else:  # Would be without a part in the sum, at the lowest label.
        score[label == 0] = -np.inf
    value, gradient = value_and_gradient(weighted_loss_of, score, label, weight)
    assert math.isnan(value)
    assert np.isnan(gradient).any()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_raised_to_float32(dtype):
    label, score = batch(spread=100.0)
    rounded = keras.ops.cast(keras.ops.convert_to_tensor(score), dtype)
    exact = keras.ops.convert_to_numpy(keras.ops.cast(rounded, "float32"))
    for loss in (CoSENT(), CoSENT(dtype=dtype)):
        found = loss(label, rounded)
        assert keras.backend.standardize_dtype(found.dtype) == "float32"
        expected, _ = by_loops(label, exact)
        assert number(found) == pytest.approx(expected, rel=1e-6)
    found = CoSENT(dtype=dtype)(label, score)
    assert number(found) == pytest.approx(by_loops(label, score)[0], rel=1e-6)


def test_integer_labels_are_compared_as_they_are():
    _, score = batch(rows=MANY)
    label = 2**24 + np.arange(MANY) % 4  # float32 has no odd one among them.
    found = value_and_gradient(loss_of, score, label)
    assert_same(found, by_loops(label, score))


def test_takes_booleans_as_labels():
    label, score = batch(levels=2)
    expected, _ = by_loops(label, score)
    assert number(CoSENT()(label > 0, score)) == pytest.approx(expected, 1e-6)


def test_takes_columns_as_well():
    label, score = batch()
    weight = np.linspace(0, 2, FEW).astype("float32")
    expected, _ = by_loops(label, score, weight)
    column = weight[:, None]
    found = [
        CoSENT()(label, score[:, None], sample_weight=weight),
        CoSENT()(label[:, None], score, sample_weight=weight),
        CoSENT()(label[:, None], score[:, None], sample_weight=column),
    ]
    for value in found:
        assert tuple(value.shape) == ()
        assert number(value) == pytest.approx(expected, rel=1e-6)


def fit_modes():
    """As `compile_modes`; without jit, JAX compiles loops at every step."""
    return (True,) if keras.config.backend() == "jax" else compile_modes()


@pytest.mark.parametrize("jit_compile", fit_modes())
def test_fit_weights_rows_and_takes_a_smaller_last_batch(jit_compile):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(MANY + FEW, 3)).astype("float32")
    label = np.round(x @ [1.0, -2.0, 0.5]).astype("int32")
    weight = rng.random(len(x)).astype("float32")
    inputs = keras.Input((3,))
    layer = keras.layers.Dense(1, use_bias=False)
    model = keras.Model(inputs, layer(inputs))
    layer.set_weights([np.array([[-0.5], [0.5], [0.5]])])
    model.compile(
        keras.optimizers.Adam(0.1), CoSENT(1.0), jit_compile=jit_compile
    )
    score = keras.ops.convert_to_numpy(layer(x))[:, 0]
    parts = slice(0, MANY), slice(MANY, MANY + FEW)
    losses = [by_loops(label[p], score[p], weight[p], 1.0)[0] for p in parts]
    options = dict(sample_weight=weight, batch_size=MANY, verbose=0)
    first = model.evaluate(x, label, **options)
    assert first == pytest.approx(
        np.average(losses, weights=[MANY, FEW]), rel=1e-4
    )
    model.fit(x, label, epochs=10, **options)
    assert model.evaluate(x, label, **options) < 0.7 * first


def test_names_the_bad_argument():
    with pytest.raises(ValueError, match="Received: scale=0"):
        CoSENT(scale=0)
    with pytest.raises(ValueError, match="Received: scale='20'"):
        CoSENT(scale="20")
    score = np.zeros(4, "float32")
    with pytest.raises(ValueError, match=r"y_true of shape \(4, 2\)"):
        CoSENT()(np.zeros((4, 2)), score)
    with pytest.raises(ValueError, match=r"y_true of shape \(3,\)"):
        CoSENT()(np.zeros(3), score)
    with pytest.raises(ValueError, match=r"y_pred of shape \(4, 4\)"):
        CoSENT()(np.zeros(4), np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"sample_weight of shape \(4, 4\)"):
        CoSENT()(np.zeros(4), score, sample_weight=np.ones((4, 4)))
