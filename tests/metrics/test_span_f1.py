"""SpanF1."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from keras_tricks.metrics import SpanF1
from keras_tricks.metrics import span_f1
from tests.checks.metrics import check_metric
from tests.checks.metrics import numbers


def batch(seed=0, num_types=3, length=4, num_spans=5, size=3):
    rng = np.random.default_rng(seed)
    scores = rng.normal(-1, 1, size=(size, num_types, length, length))
    labels = rng.integers(0, 3, (size, num_spans, 3))
    labels[:, rng.integers(0, num_spans + 1) :] = -1
    labels[0, -1] = labels[0, 0]
    return labels, scores.astype("float32")


def counts_by_loops(labels, scores, threshold=0.0):
    """`[hits, predicted, labelled]` of each type, span by span."""
    counts = np.zeros((scores.shape[1], 3))
    for b in range(len(scores)):
        gold = {tuple(row) for row in labels[b].tolist() if row[0] >= 0}
        for index in np.ndindex(scores.shape[1:]):
            predicted = scores[(b, *index)] > threshold
            counts[index[0]] += (
                predicted and index in gold,
                predicted,
                index in gold,
            )
    return counts


def ratios(counts):
    hits, predicted, labelled = counts
    return {
        "span_f1": 2 * hits / (predicted + labelled or 1),
        "span_precision": hits / (predicted or 1),
        "span_recall": hits / (labelled or 1),
    }


def result(metric, labels, scores):
    metric.update_state(labels, scores)
    return numbers(metric.result())


@pytest.mark.parametrize(
    "init",
    [
        dict(average="micro", threshold=0.5, name="entity"),
        dict(average="macro", num_types=3),
        dict(average=None, num_types=3),
    ],
)
def test_keeps_the_contract_of_metrics(init):
    check_metric(SpanF1, init, *batch())


@given(st.integers(0, 10_000), st.sampled_from([-1.0, 0.0, 0.7]))
def test_micro_follows_its_formula(seed, threshold):
    labels, scores = batch(seed)
    expected = ratios(counts_by_loops(labels, scores, threshold).sum(0))
    found = result(SpanF1(threshold=threshold), labels, scores)
    assert found == pytest.approx(expected, rel=1e-6)


def test_macro_and_per_type_follow_their_formulas():
    labels, scores = batch()
    scores[:, 2] = -1  # A type neither labelled nor predicted
    labels[labels[..., 0] == 2] = -1
    by_type = [ratios(c) for c in counts_by_loops(labels, scores)]
    each = result(SpanF1(None, num_types=3), labels, scores)
    macro = result(SpanF1("macro", num_types=3), labels, scores)
    for key in by_type[0]:
        expected = [scores_of[key] for scores_of in by_type]
        np.testing.assert_allclose(each[key], expected, rtol=1e-6)
        np.testing.assert_allclose(
            macro[key], np.mean(expected[:2]), rtol=1e-6
        )  # is left out of the mean.


@pytest.mark.parametrize("average", ["micro", "macro", None])
def test_dense_labels_count_like_sparse_ones(average):
    labels, scores = batch()
    dense = np.zeros(scores.shape, "int32")
    for b, rows in enumerate(labels):
        for row in rows[rows[:, 0] >= 0]:
            dense[(b, *row)] = 1
    sparse = result(SpanF1(average, num_types=3), labels, scores)
    found = result(SpanF1(average, num_types=3), dense, scores)
    for key in sparse:
        np.testing.assert_array_equal(found[key], sparse[key])


def test_an_epoch_with_neither_labels_nor_predictions_is_zero():
    labels, scores = np.full((1, 2, 3), -1), np.full((1, 2, 3, 3), -1.0)
    for metric in (SpanF1(), SpanF1("macro", num_types=2)):
        assert all(v == 0 for v in numbers(metric.result()).values())
        assert all(v == 0 for v in result(metric, labels, scores).values())
    empty = np.zeros((1, 0, 3))
    assert all(v == 0 for v in result(SpanF1(), empty, scores).values())


def test_a_label_outside_the_scores_is_never_found():
    scores = np.ones((1, 2, 3, 3), "float32")
    labels = np.array([[[0, 1, 1], [1, 0, 7], [5, 0, 0]]])
    recall = result(SpanF1(), labels, scores)["span_recall"]
    assert recall == pytest.approx(1 / 3)
    recall = result(SpanF1(None, num_types=2), labels, scores)["span_recall"]
    np.testing.assert_array_equal(recall, [1, 0])


def test_counts_stay_exact_beyond_float32():
    metric = SpanF1()
    metric.high.assign([0, 200, 0])
    metric.low.assign([0, (1 << 24) - 1, 0])
    scores = np.ones((1, 1, 1, 1), "float32")
    metric.update_state([[[0, 0, 0]]], scores)
    high, low = (np.array(v).tolist() for v in (metric.high, metric.low))
    assert high == [0, 201, 0]
    assert low == [1, 0, 1]
    assert span_f1._BASE == 1 << 24


def test_half_precision_scores_count_alike():
    labels, scores = batch()
    expected = result(SpanF1(), labels, np.sign(scores))
    half = keras.ops.cast(np.sign(scores), "bfloat16")
    assert result(SpanF1(), labels, half) == expected


def test_names_the_bad_argument():
    labels, scores = batch()
    with pytest.raises(ValueError, match="average='weighted'"):
        SpanF1("weighted")
    with pytest.raises(ValueError, match="num_types=None"):
        SpanF1("macro")
    with pytest.raises(ValueError, match="num_types=0"):
        SpanF1(num_types=0)
    with pytest.raises(ValueError, match="must have the 2 types"):
        SpanF1(num_types=2).update_state(labels, scores)
    with pytest.raises(ValueError, match="`y_pred` must have shape"):
        SpanF1().update_state(labels, scores[0])
    with pytest.raises(ValueError, match="`y_true` must have shape"):
        SpanF1().update_state(labels[0], scores)
    with pytest.raises(ValueError, match=r"Dense `y_true` must have the shape"):
        SpanF1().update_state(np.zeros((3, 3, 4, 5)), scores)
    with pytest.raises(ValueError, match="sample_weight"):
        SpanF1().update_state(labels, scores, sample_weight=np.ones(3))


# Few: on JAX, eager control flow is compiled at every update.
@settings(max_examples=5)
@given(st.integers(0, 10_000), st.sampled_from([-2.0, 0.0, 1.5]))
def test_factors_count_like_their_scores(seed, threshold):
    labels, packed = factored_batch(seed)
    scores = factors_to_scores(packed)
    for init in (dict(), dict(average=None, num_types=3)):
        expected = result(SpanF1(**init, threshold=threshold), labels, scores)
        found = result(SpanF1(**init, threshold=threshold), labels, packed)
        for key in expected:
            np.testing.assert_array_equal(found[key], expected[key])


def test_keeps_the_contract_of_metrics_on_factors():
    check_metric(SpanF1, dict(threshold=0.5), *factored_batch(0))


def factored_batch(seed):
    rng = np.random.default_rng(seed)
    labels, _ = batch(seed)
    packed = rng.normal(-0.3, 1, size=(3, 4, 4 + 2 * 3)).astype("float32")
    packed[0, :, 4:] -= 50  # A text in which nothing can be found
    packed[..., :4] = np.where(np.triu(np.ones((4, 4))), packed[..., :4], -1e9)
    return labels, packed


def factors_to_scores(packed):
    span, start, end = packed[..., :4], packed[..., 4:7], packed[..., 7:]
    scores = span[:, None] + np.swapaxes(start, 1, 2)[..., None]
    return scores + np.swapaxes(end, 1, 2)[:, :, None]
