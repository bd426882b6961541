"""fit_threshold."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.thresholds import fit_threshold

METRICS = ("accuracy", "f1")
BOTH = pytest.mark.parametrize("metric", METRICS)


def score_at(threshold, scores, labels, metric):
    """Accuracy or F1 of `score > threshold`, a sample at a time."""
    right = hits = predicted = labelled = 0
    for s, y in zip(scores, labels, strict=True):
        right += (s > threshold) == y
        hits += y and s > threshold
        predicted += s > threshold
        labelled += y
    if metric == "accuracy":
        return right / len(labels)
    return 2 * hits / (predicted + labelled) if predicted + labelled else 0.0


def best_of_all(scores, labels, metric):
    """Every decision there is, positive above a score or everywhere."""
    candidates = [-np.inf, *scores]
    return max(score_at(t, scores, labels, metric) for t in candidates)


def samples(seed, size=20, decimals=1, share=0.4):
    rng = np.random.default_rng(seed)
    labels = (rng.random(size) < share).astype(int)
    scores = np.round(labels + 1.5 * rng.normal(size=size), decimals)
    return scores, labels


@BOTH
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(1, 30),
    decimals=st.sampled_from([0, 1, 12]),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
)
def test_is_the_best_of_all_decisions(metric, seed, size, decimals, share):
    scores, labels = samples(seed, size, decimals, share)
    fitted = fit_threshold(scores, labels, metric)
    expected = best_of_all(scores.tolist(), labels.tolist(), metric)
    assert fitted.score == pytest.approx(expected, abs=1e-12)
    reached = score_at(fitted.threshold, scores, labels, metric)
    assert reached == pytest.approx(fitted.score, abs=1e-12)
    assert fitted.metric == metric
    assert fitted.threshold not in scores


@given(
    st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=12),
    st.integers(0, 2**12 - 1),
    st.sampled_from(METRICS),
    st.sampled_from(["float16", "float32", "float64"]),
)
def test_is_reached_on_any_floats_in_their_own_dtype(
    scores, flags, metric, dtype
):
    scores = np.array(scores, dtype)
    labels = np.array([flags >> i & 1 for i in range(len(scores))])
    fitted = fit_threshold(scores, labels, metric)
    expected = best_of_all(scores.tolist(), labels.tolist(), metric)
    assert fitted.score == pytest.approx(expected, abs=1e-12)
    for above in (fitted.predict(scores), scores > fitted.threshold):
        decided = np.where(above, 1.0, 0.0)
        reached = score_at(0.5, decided, labels, metric)
        assert reached == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("start", [0.0, 1.0, -1.0, 0.1, 6e4, -6e4, 1e-7])
def test_separates_adjacent_floats(dtype, start):
    low = np.array(start, dtype)
    high = np.nextafter(low, np.array(np.inf, dtype))
    scores = np.stack([high, low])
    fitted = fit_threshold(scores, [1, 0])
    assert fitted.score == 1
    assert (scores > fitted.threshold).tolist() == [True, False]
    assert fitted.predict(scores).tolist() == [True, False]


def test_a_threshold_of_float64_scores_holds_in_float32():
    scores = np.array([0.3, 0.7])
    threshold = fit_threshold(scores, [0, 1]).threshold
    assert threshold == np.float32(threshold)
    assert threshold == pytest.approx(0.5)


def test_huge_scores_do_not_overflow():
    most = np.finfo("float64").max
    fitted = fit_threshold([-most, most], [0, 1])
    assert (fitted.threshold, fitted.score) == (0.0, 1.0)
    fitted = fit_threshold([0.6 * most, 0.8 * most], [0, 1])
    assert fitted.threshold == pytest.approx(0.7 * most)
    half = fit_threshold(np.array([6e4, 65504], "float16"), [0, 1])
    assert half.score == 1


def test_takes_the_middle_of_the_widest_cut():
    scores, labels = [0.0, 1.0, 2.0, 6.0, 7.0], [0, 1, 0, 1, 1]
    assert fit_threshold(scores, labels).threshold == 4.0
    # As good: between 0 and 1, or all positive.
    assert fit_threshold([0.0, 1.0, 2.0], [0, 1, 1]).threshold == 0.5
    assert fit_threshold([0.0, 1.0, 2.0], [1, 0, 1]).threshold == -np.inf


def test_never_cuts_within_a_tie():
    fitted = fit_threshold([0.5] * 5, [0, 1, 0, 1, 1])
    assert (fitted.threshold, fitted.score) == (-np.inf, 0.6)
    fitted = fit_threshold([0.5] * 5, [0, 1, 0, 1, 0])
    assert (fitted.threshold, fitted.score) == (np.inf, 0.6)
    zeros = fit_threshold([0.0, -0.0, 1.0], [0, 1, 1])
    assert zeros.score == pytest.approx(2 / 3)


@BOTH
@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_decided_alike_for_any_score(metric, label):
    fitted = fit_threshold([0.2, 0.4, 0.6], [label] * 3, metric)
    assert fitted.threshold == (-np.inf if label else np.inf)
    assert fitted.score == (0 if metric == "f1" and not label else 1)
    assert fitted.predict([-1e9, 1e9]).tolist() == [bool(label)] * 2


def test_takes_lists_tensors_and_flags():
    scores, labels = samples(0)
    expected = fit_threshold(scores.astype("float32"), labels)
    tensor = keras.ops.convert_to_tensor(scores, "float32")
    assert fit_threshold(tensor, labels.astype(bool)) == expected
    again = fit_threshold(keras.Variable(tensor), labels.astype("float32"))
    assert again == expected
    assert fit_threshold(scores.tolist(), labels.tolist()).score == (
        expected.score
    )
    half = keras.ops.cast(keras.ops.array([1.0, 1.0078125]), "bfloat16")
    fitted = fit_threshold(half, [0, 1])
    assert fitted.predict(half).tolist() == [False, True]
    assert fit_threshold([3, 1, 2], [1, 0, 1]).threshold == 1.5


def test_changes_nothing_that_it_is_given():
    scores, labels = samples(0)
    before = scores.copy(), labels.copy()
    fit_threshold(scores, labels)
    np.testing.assert_array_equal((scores, labels), before)


def test_names_the_bad_argument():
    with pytest.raises(ValueError, match="metric='auc'"):
        fit_threshold([0.0, 1.0], [0, 1], "auc")
    with pytest.raises(ValueError, match=r"`scores` must hold at least one"):
        fit_threshold([], [])
    with pytest.raises(ValueError, match=r"scores of shape \(2, 1\)"):
        fit_threshold([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match=r"labels of shape \(3,\)"):
        fit_threshold([0.0, 1.0], [0, 1, 1])
    with pytest.raises(ValueError, match=r"labels of shape \(2, 1\)"):
        fit_threshold([0.0, 1.0], [[0], [1]])
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match="scores with 1 of 2 values"):
            fit_threshold([0.0, bad], [0, 1])
    for labels in ([0, 2], [0.5, 1], [np.nan, 1], [-1, 1]):
        with pytest.raises(ValueError, match="`labels` must be 0 or 1"):
            fit_threshold([0.0, 1.0], labels)
    for scores in ([[0.0], [1.0, 2.0]], ["0", "1"], [None, 1.0], [1j, 0]):
        with pytest.raises(ValueError, match="`scores` must be an array of"):
            fit_threshold(scores, [0, 1])
