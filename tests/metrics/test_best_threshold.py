"""BestThresholdAccuracy and BestThresholdF1."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.metrics import BestThresholdAccuracy
from keras_tricks.metrics import BestThresholdF1
from keras_tricks.thresholds import fit_threshold
from tests.checks.metrics import check_metric
from tests.checks.steps import compile_modes
from tests.metrics.samples import collect
from tests.metrics.samples import identity_model

BOTH = pytest.mark.parametrize(
    ("cls", "metric"),
    [(BestThresholdAccuracy, "accuracy"), (BestThresholdF1, "f1")],
)


def samples(seed=0, size=12):
    """0/1 labels, and scores of which some are tied."""
    rng = np.random.default_rng(seed)
    label = (rng.random(size) < rng.random()).astype("int32")
    score = np.round(label + rng.normal(size=size), 1)
    return label, score.astype("float32")


def score_at(threshold, label, score, weight, metric):
    """Accuracy or F1 at a threshold, a sample at a time."""
    right = hits = predicted = labelled = 0.0
    for y, s, w in zip(label, score, weight, strict=True):
        right += w * ((s > threshold) == y)
        hits += w * (y and s > threshold)
        predicted += w * (s > threshold)
        labelled += w * y
    if metric == "accuracy":
        return right / sum(weight)
    return 2 * hits / (predicted + labelled) if predicted + labelled else 0.0


def best_of_all(*samples_and_metric):
    candidates = [-np.inf, *samples_and_metric[1]]
    return max(score_at(t, *samples_and_metric) for t in candidates)


def best(cls, label, score, weight=None, max_samples=16):
    """Value and threshold."""
    metric = cls(max_samples, name="best")
    found = collect(metric, label, score, weight)
    return float(found["best"]), float(found["best_threshold"])


@BOTH
def test_keeps_the_contract_of_metrics(cls, metric):
    label, score = samples(size=5)
    check_metric(cls, dict(max_samples=8, name="cut"), label, score[:, None])


@BOTH
@given(seed=st.integers(0, 10_000))
def test_is_the_best_of_all_cuts_and_reached(cls, metric, seed):
    label, score = samples(seed)
    value, threshold = best(cls, label, score)
    ones = np.ones(len(label))
    expected = best_of_all(label, score, ones, metric)
    assert value == pytest.approx(expected, abs=1e-6)
    # As float32, in which the scores are.
    reached = score_at(np.float32(threshold), label, score, ones, metric)
    assert reached == pytest.approx(expected, abs=1e-6)


@BOTH
@given(seed=st.integers(0, 10_000))
def test_agrees_with_fit_threshold(cls, metric, seed):
    label, score = samples(seed)
    value, threshold = best(cls, label, score)
    fitted = fit_threshold(score, label, metric)
    assert value == pytest.approx(fitted.score, abs=1e-6)
    assert threshold == pytest.approx(fitted.threshold, abs=1e-6)


@BOTH
@given(seed=st.integers(0, 10_000))
def test_weights_count(cls, metric, seed):
    label, score = samples(seed)
    weight = np.random.default_rng(seed).random(len(label)).astype("float32")
    weight[::4] = 0
    value, threshold = best(cls, label, score, weight)
    expected = best_of_all(label, score, weight, metric)
    assert value == pytest.approx(expected, abs=1e-6)
    reached = score_at(np.float32(threshold), label, score, weight, metric)
    assert reached == pytest.approx(expected, abs=1e-6)


@BOTH
def test_padding_does_not_move_the_cut(cls, metric):
    label, score = samples()
    expected = best(cls, label, score)
    padded = [np.append(x, [np.nan, 1]) for x in (label, score)]
    assert best(cls, *padded, np.append(np.ones(12), [0, 0])) == expected
    # Zeros, as in places that are not taken, lie between these.
    assert best(cls, [0, 1], [-3.0, 5.0]) == (1.0, 1.0)


def test_evaluates_batches_of_several_sizes():
    label, score = samples(1, size=11)
    model = identity_model(
        metrics=[BestThresholdAccuracy(16), BestThresholdF1(16)],
        jit_compile=compile_modes()[-1],
    )
    logs = model.evaluate(score[:, None], label, 4, 0, return_dict=True)
    for metric in ("accuracy", "f1"):
        fitted = fit_threshold(score, label, metric)
        found = logs[f"best_{metric}"], logs[f"best_{metric}_threshold"]
        expected = fitted.score, fitted.threshold
        assert found == pytest.approx(expected, abs=1e-6)


def test_one_class_is_all_or_none():
    score = samples()[1]
    zeros, ones = np.zeros(12), np.ones(12)
    assert best(BestThresholdAccuracy, zeros, score) == (1.0, np.inf)
    assert best(BestThresholdAccuracy, ones, score) == (1.0, -np.inf)
    assert best(BestThresholdF1, zeros, score) == (0.0, np.inf)
    assert best(BestThresholdF1, ones, score) == (1.0, -np.inf)


@BOTH
def test_separates_adjacent_floats(cls, metric):
    for low in np.array([1.0, -1.0, 0.1, 3e38, -3e38], "float32"):
        high = np.nextafter(low, np.float32(np.inf))
        value, threshold = best(cls, [0, 1], np.stack([low, high]))
        assert value == 1.0
        assert low <= np.float32(threshold) < high
    # Their sum is above the largest float32.
    assert best(cls, [0, 1], [2e38, 3e38])[1] == pytest.approx(2.5e38)


@BOTH
def test_wrong_data_are_seen_as_nan(cls, metric):
    label, score = samples()
    assert np.isnan(best(cls, label[:0], score[:0])).all()
    assert np.isnan(best(cls, label, score, np.zeros(12))).all()
    assert np.isnan(best(cls, label, score, max_samples=11)).all()
    for bad in (0.5, 2.0, np.nan):
        assert np.isnan(best(cls, np.append(label, bad), [*score, 0])).all()
    for bad in (np.nan, np.inf, -np.inf):
        scores = np.append(score, bad)
        assert np.isnan(best(cls, np.append(label, 0), scores)).all()
    for bad in (np.nan, np.inf, -1.0):
        weight = np.append(np.ones(11), bad)
        assert np.isnan(best(cls, label, score, weight)).all()


@BOTH
def test_half_precision_scores_are_kept_exactly(cls, metric):
    label, score = samples()
    expected = best(cls, label, np.round(score))
    half = keras.ops.cast(np.round(score), "bfloat16")
    assert best(cls, label, half) == expected


@BOTH
def test_names_the_bad_argument(cls, metric):
    with pytest.raises(ValueError, match=r"max_samples=1\.5"):
        cls(1.5)
    with pytest.raises(ValueError, match=r"y_pred of shape \(3, 2\)"):
        cls(16).update_state(np.zeros(3), np.zeros((3, 2)))
