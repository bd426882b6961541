"""SpearmanCorrelation."""

import math

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from keras_tricks.metrics import SpearmanCorrelation
from tests.checks.metrics import check_metric
from tests.checks.steps import compile_modes
from tests.metrics.samples import collect
from tests.metrics.samples import identity_model


def samples(seed=0, size=12, levels=4):
    """Tied labels, and scores of which some are tied."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, levels, size)
    score = np.round(label + rng.normal(size=size), 1)
    return label, score.astype("float32")


def by_loops(label, score):
    """The formula in float64, a sample at a time; NaN for 0 / 0."""
    a, b = mean_ranks(label), mean_ranks(score)
    mean = (len(a) + 1) / 2
    ab = sum((i - mean) * (j - mean) for i, j in zip(a, b, strict=True))
    aa, bb = (sum((i - mean) ** 2 for i in ranks) for ranks in (a, b))
    return ab / math.sqrt(aa * bb) if aa * bb else math.nan


def mean_ranks(x):
    ordered = sorted(x)
    places = {}
    for place, value in enumerate(ordered, 1):
        places.setdefault(value, []).append(place)
    return [sum(places[value]) / len(places[value]) for value in x]


def correlation(label, score, weight=None, max_samples=16):
    metric = SpearmanCorrelation(max_samples)
    return float(collect(metric, label, score, weight)["value"])


def test_keeps_the_contract_of_metrics():
    label, score = samples(size=5)
    init = dict(max_samples=8, name="rank")
    check_metric(SpearmanCorrelation, init, label, score[:, None])


@given(st.integers(0, 10_000), st.sampled_from([2, 4, 100]))
def test_follows_its_formula_with_ties(seed, levels):
    label, score = samples(seed, levels=levels)
    expected = by_loops(label.tolist(), score.tolist())
    assert correlation(label, score) == pytest.approx(
        expected, abs=1e-6, nan_ok=True
    )


def test_equals_that_of_scipy():
    label, score = samples(size=20_000, levels=6)
    metric = SpearmanCorrelation(max_samples=20_001)
    found = float(collect(metric, label, score, batch_size=20_000)["value"])
    expected = stats.spearmanr(label, score).statistic
    assert found == pytest.approx(expected, abs=1e-6)


@given(st.integers(0, 10_000))
def test_knows_only_the_order(seed):
    label, score = samples(seed)
    expected = correlation(label, score)
    rising = np.exp(score / 4) * 1e6 - 5
    assert correlation(label**3, rising) == pytest.approx(
        expected, abs=1e-6, nan_ok=True
    )
    assert correlation(label, -score) == pytest.approx(
        -expected, abs=1e-6, nan_ok=True
    )


def test_is_not_the_mean_of_batches():
    label, score = np.arange(10), np.array([4, 3, 2, 1, 0, 9, 8, 7, 6, 5.0])
    assert correlation(label[:5], score[:5]) == pytest.approx(-1)
    assert correlation(label, score) == pytest.approx(0.515152, abs=1e-6)


@given(st.integers(0, 10_000))
def test_a_sample_of_weight_n_counts_as_n(seed):
    label, score = samples(seed)
    weight = np.random.default_rng(seed).integers(0, 4, len(label))
    repeated = [np.repeat(x, weight).tolist() for x in (label, score)]
    expected = by_loops(*repeated) if weight.any() else math.nan
    assert correlation(label, score, weight) == pytest.approx(
        expected, abs=1e-6, nan_ok=True
    )


def test_no_weight_hides_what_is_padding():
    label, score = samples()
    expected = correlation(label, score)
    label = np.append(label, [3.0, np.nan])
    score = np.append(score, [np.nan, 5.0])
    weight = np.append(np.ones(12), [0, 0])
    assert correlation(label, score, weight) == expected


@pytest.mark.parametrize("jit_compile", compile_modes())
def test_evaluates_batches_of_several_sizes(jit_compile):
    label, score = samples(size=11)
    weight = np.arange(11) % 3
    model = identity_model(
        metrics=[SpearmanCorrelation(16)],
        weighted_metrics=[SpearmanCorrelation(16, name="weighted")],
        jit_compile=jit_compile,
    )
    logs = model.evaluate(score[:, None], label, 4, 0, weight, return_dict=True)
    expected = by_loops(label.tolist(), score.tolist())
    assert logs["spearman_correlation"] == pytest.approx(expected, abs=1e-6)
    expected = by_loops(
        *(np.repeat(x, weight).tolist() for x in (label, score))
    )
    assert logs["weighted"] == pytest.approx(expected, abs=1e-6)


def test_more_samples_than_fit_are_seen_as_nan():
    label, score = samples(size=12)
    scaled = keras.layers.Dense(1, kernel_initializer="ones", use_bias=False)
    model = keras.Sequential([keras.Input((1,)), scaled])
    model.compile(
        keras.optimizers.SGD(1e-6),
        "mse",
        metrics=[SpearmanCorrelation(8)],
        jit_compile=compile_modes()[-1],
    )
    x, y = score[:, None], label
    history = model.fit(x, y, 4, 2, 0, validation_data=(x[:8], y[:8])).history
    assert np.isnan(history["spearman_correlation"]).all()
    expected = by_loops(label[:8].tolist(), score[:8].tolist())
    np.testing.assert_allclose(
        history["val_spearman_correlation"], [expected] * 2, atol=1e-6
    )


def test_one_batch_larger_than_all_places_is_nan():
    label, score = samples(size=12)
    metric = SpearmanCorrelation(8)
    metric.update_state(label, score)
    assert np.isnan(float(metric.result()))
    metric.reset_state()
    metric.update_state(label[:8], score[:8])
    assert not np.isnan(float(metric.result()))


def test_samples_added_up_over_devices_are_nan():
    metric = SpearmanCorrelation(16)
    metric.update_state(*samples())
    metric.devices.assign(2)
    assert np.isnan(float(metric.result()))


def test_what_is_not_defined_is_nan():
    label, score = samples()
    constant = np.ones(12)
    assert np.isnan(float(SpearmanCorrelation(16).result()))
    assert np.isnan(correlation(label[:1], score[:1]))
    assert np.isnan(correlation(constant, score))
    assert np.isnan(correlation(label, constant))
    assert np.isnan(correlation(label, score, np.zeros(12)))
    for bad in (np.nan, -1.0):
        weight = np.append(np.ones(11), bad)
        assert np.isnan(correlation(label, score, weight))
    score[3] = np.nan
    assert np.isnan(correlation(label, score))
    assert np.isnan(correlation(score, label))


def test_infinities_and_both_zeros_are_ranked():
    label = np.array([0, 1, 2, 3, 4, 5])
    score = np.array([-np.inf, -0.0, 0.0, 3e38, np.inf, np.inf])
    expected = by_loops(label.tolist(), score.tolist())
    assert correlation(label, score) == pytest.approx(expected, abs=1e-6)


def test_half_precision_scores_are_ranked_in_float32():
    label, score = samples()
    half = keras.ops.cast(np.round(score), "bfloat16")
    metric = SpearmanCorrelation(16, dtype="float16")
    metric.update_state(label * 1000 + 3000, half)
    result = metric.result()
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    expected = by_loops(label.tolist(), np.round(score).tolist())
    assert float(result) == pytest.approx(expected, abs=1e-6)


def test_names_the_bad_argument():
    with pytest.raises(ValueError, match="max_samples=0"):
        SpearmanCorrelation(0)
    with pytest.raises(ValueError, match="max_samples=16777217"):
        SpearmanCorrelation((1 << 24) + 1)
    metric = SpearmanCorrelation(16)
    with pytest.raises(ValueError, match=r"y_pred of shape \(3, 2\)"):
        metric.update_state(np.zeros(3), np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"y_true of shape \(3, 1, 1\)"):
        metric.update_state(np.zeros((3, 1, 1)), np.zeros(3))
    with pytest.raises(ValueError, match=r"sample_weight of shape \(\)"):
        metric.update_state(np.zeros(3), np.zeros(3), 1.0)
    with pytest.raises(ValueError, match="as many samples"):
        metric.update_state(np.zeros(3), np.zeros(4))
