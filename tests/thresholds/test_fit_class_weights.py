"""fit_class_weights."""

import itertools
import sys

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.thresholds import fit_class_weights
from keras_tricks.thresholds import fit_threshold
from keras_tricks.thresholds._line_search import best_weight
from keras_tricks.thresholds._line_search import sweep_accuracy
from keras_tricks.thresholds._line_search import sweep_f1

METRICS = ("accuracy", "f1")
BOTH = pytest.mark.parametrize("metric", METRICS)


def samples(seed, size=40, classes=3, decimals=12):
    """Labels, and probabilities that are biased to some classes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, size)
    scores = rng.normal(size=(size, classes)) + 2 * rng.random(classes)
    scores[np.arange(size), labels] += 1
    p = np.exp(scores)
    return np.round(p / p.sum(1, keepdims=True), decimals), labels


def score_of(p, labels, weights, metric):
    """Accuracy, or the mean F1 of the labelled classes, by loops."""
    chosen = []
    for row in p:
        weighted = [q * t for q, t in zip(row, weights, strict=True)]
        chosen.append(weighted.index(max(weighted)))
    pairs = list(zip(chosen, labels.tolist(), strict=True))
    if metric == "accuracy":
        return sum(a == b for a, b in pairs) / len(pairs)
    total = 0
    for c in set(labels.tolist()):
        hits = sum(a == b == c for a, b in pairs)
        total += 2 * hits / sum((a == c) + (b == c) for a, b in pairs)
    return total / len(set(labels.tolist()))


@BOTH
@given(
    seed=st.integers(0, 10_000),
    classes=st.integers(2, 5),
    decimals=st.sampled_from([1, 12]),
)
def test_scores_what_it_says_and_no_less_than_argmax(
    metric, seed, classes, decimals
):
    p, labels = samples(seed, 30, classes, decimals)
    fitted = fit_class_weights(p, labels, metric)
    reached = score_of(p, labels, fitted.weights, metric)
    assert fitted.score == pytest.approx(reached, abs=1e-12)
    plain = score_of(p, labels, [1.0] * classes, metric)
    assert fitted.score >= plain - 1e-12
    assert fitted.metric == metric


@BOTH
@given(seed=st.integers(0, 10_000))
def test_no_single_weight_can_be_bettered(metric, seed):
    p, labels = samples(seed, 25)
    fitted = fit_class_weights(p, labels, metric)
    for c in range(3):
        for weight in crossings(p, fitted.weights, c):
            t = [*fitted.weights[:c], weight, *fitted.weights[c + 1 :]]
            assert score_of(p, labels, t, metric) <= fitted.score + 1e-12


@BOTH
@given(seed=st.integers(0, 10_000), c=st.integers(0, 2))
def test_the_line_search_finds_the_best_weight(metric, seed, c):
    p, labels = samples(seed, 25)
    t = np.exp(np.random.default_rng(seed).normal(size=3))
    found = [*t[:c], best_weight(p, labels, t, c, metric), *t[c + 1 :]]
    best = max(
        score_of(p, labels, [*t[:c], weight, *t[c + 1 :]], metric)
        for weight in crossings(p, t, c)
    )
    reached = score_of(p, labels, found, metric)
    assert reached == pytest.approx(best, abs=1e-12)


@BOTH
def test_the_line_search_takes_the_widest_interval_and_both_ends(metric):
    x = np.array([0.1, 0.2, 0.4, 4.0])  # Beyond these a row is of class 1.
    p = np.stack([x, np.ones(4)], axis=1) / 8
    found = best_weight(p, np.array([1, 0, 1, 0]), np.ones(2), 1, "accuracy")
    assert found == pytest.approx((0.4 * 4.0) ** 0.5)
    always = best_weight(p, np.ones(4, int), np.ones(2), 1, metric)
    assert always == pytest.approx(8.0)
    never = best_weight(p, np.zeros(4, int), np.ones(2), 1, metric)
    assert never == pytest.approx(0.05)


@BOTH
def test_the_sweep_has_the_metric_of_each_cut(metric):
    p, labels = samples(0, 25)
    rival, order = p[:, 1:].argmax(1) + 1, np.arange(25)
    sweep = {"accuracy": sweep_accuracy, "f1": sweep_f1}[metric]
    for k, value in enumerate(sweep(rival, labels, 0, 3)):
        decided = np.eye(3)[np.where(order < k, 0, rival)]
        expected = score_of(decided, labels, np.ones(3), metric)
        assert value == pytest.approx(expected, abs=1e-12)


def crossings(p, weights, c):
    """A weight of class `c` in each interval where no row changes its class."""
    x = sorted(
        max(row[i] * t for i, t in enumerate(weights) if i != c) / row[c]
        for row in p
    )
    between = [(a * b) ** 0.5 for a, b in itertools.pairwise(x)]
    return [x[0] / 2, *between, 2 * x[-1]]


@given(seed=st.integers(0, 10_000))
def test_two_classes_are_a_threshold_on_their_ratio(seed):
    p, labels = samples(seed, 30, 2)
    fitted = fit_class_weights(p, labels)
    threshold = fit_threshold(p[:, 1] / p[:, 0], labels)
    assert fitted.score == pytest.approx(threshold.score, abs=1e-12)


@BOTH
def test_ignores_the_scale_of_rows(metric):
    p, labels = samples(0)
    scale = 2.0 ** np.arange(-20, 20)[:, None]
    assert fit_class_weights(p * scale, labels, metric) == (
        fit_class_weights(p, labels, metric)
    )


@BOTH
def test_zeros_ties_and_absent_classes(metric):
    # Row by row: all zero, one class sure, class 2 never, a tie.
    p = [[0, 0, 0], [0, 1, 0], [1, 0, 0], [0.5, 0.5, 0]]
    fitted = fit_class_weights(p, [0, 1, 0, 1], metric)
    assert fitted.score == 1
    assert fitted.predict(p).tolist() == [0, 1, 0, 1]
    one = fit_class_weights([[0.1, 0.9], [0.2, 0.8]], [0, 0], metric)
    assert one.score == 1
    same = fit_class_weights([[0.5, 0.5]] * 3, [1, 1, 0], metric)
    assert np.isfinite(same.weights).all()
    assert same.score == (2 / 3 if metric == "accuracy" else 0.4)


@BOTH
def test_tiny_probabilities_are_searched_too(metric):
    p = np.array([[1.0, 1e-300], [1.0, 1e-200], [1.0, 0.0]])
    fitted = fit_class_weights(p, [0, 1, 0], metric)
    assert fitted.score == 1


def test_takes_tensors_and_lists():
    p, labels = samples(0)
    expected = fit_class_weights(p.astype("float32"), labels)
    tensor = keras.ops.convert_to_tensor(p, "float32")
    assert fit_class_weights(tensor, labels.astype("float32")) == expected
    as_list = fit_class_weights(p.tolist(), labels.tolist())
    assert as_list.score == expected.score


@BOTH
def test_the_published_search_is_there_to_compare(metric):
    p, labels = samples(3, 200)
    powell = fit_class_weights(p, labels, metric, method="powell")
    reached = score_of(p, labels, powell.weights, metric)
    assert powell.score == pytest.approx(reached, abs=1e-12)
    plain = score_of(p, labels, [1.0] * 3, metric)
    ours = fit_class_weights(p, labels, metric)
    assert plain < powell.score <= ours.score
    assert powell.weights != ours.weights


def test_says_that_powell_needs_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match="pip install scipy"):
        fit_class_weights(*samples(0), method="powell")
    fit_class_weights(*samples(0))


def test_names_the_bad_argument():
    p, labels = samples(0)
    with pytest.raises(ValueError, match="metric='loss'"):
        fit_class_weights(p, labels, "loss")
    with pytest.raises(ValueError, match="method='newton'"):
        fit_class_weights(p, labels, method="newton")
    with pytest.raises(ValueError, match="must hold at least one sample"):
        fit_class_weights(p[:0], labels[:0])
    with pytest.raises(ValueError, match=r"probabilities of shape \(40,\)"):
        fit_class_weights(p[:, 0], labels)
    with pytest.raises(ValueError, match="at least two classes"):
        fit_class_weights(p[:, :1], 0 * labels)
    with pytest.raises(ValueError, match=r"labels of shape \(39,\)"):
        fit_class_weights(p, labels[1:])
    with pytest.raises(ValueError, match=r"labels from 0\.0 to 2\.0"):
        fit_class_weights(p[:, :2], labels)
    for bad in (-1, 0.5, np.nan):
        with pytest.raises(ValueError, match="`labels` must be integers"):
            fit_class_weights(p, np.append(labels[1:], bad))
    with pytest.raises(ValueError, match="must be at least 0"):
        fit_class_weights(p - 0.5, labels)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="with 1 of 6 values"):
            fit_class_weights([[0.1, 0.2, bad], [0.1, 0.2, 0.7]], [0, 1])
