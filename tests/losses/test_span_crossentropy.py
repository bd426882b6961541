"""SpanCrossentropy."""

import math

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.layers import EfficientGlobalPointer
from keras_tricks.losses import MultilabelCrossentropy
from keras_tricks.losses import SpanCrossentropy
from tests.checks.gradients import value_and_gradient
from tests.checks.losses import check_loss

FORBIDDEN = -1e9


def by_loops(labels, scores):
    """The formula, a pair at a time, in float64: one value per text and type.

    Returns the values and their gradients with respect to the scores.
    """
    batch, num_types, length, _ = scores.shape
    loss = np.zeros((batch, num_types))
    slope = np.zeros(scores.shape)
    for b in range(batch):
        gold = {tuple(row) for row in labels[b].tolist() if row[0] >= 0}
        for a in range(num_types):
            for sign, labelled in ((-1, True), (1, False)):
                pairs = [
                    (i, j)
                    for i in range(length)
                    for j in range(length)
                    if ((a, i, j) in gold) == labelled
                ]
                x = [sign * float(scores[b, a, i, j]) for i, j in pairs]
                top = max([0.0, *x])
                rest = math.fsum(math.exp(v - top) for v in x)
                loss[b, a] += top + math.log1p(rest + math.expm1(-top))
                for (i, j), v in zip(pairs, x, strict=True):
                    share = math.exp(v - top) / (math.exp(-top) + rest)
                    slope[b, a, i, j] = sign * share
    return loss, slope


def batch(seed=0, scale=2.0, num_types=3, length=5, num_spans=4):
    """Scores with an order and a mask, labels with repeats and padding."""
    rng = np.random.default_rng(seed)
    shape = (2, num_types, length, length)
    scores = (scale * rng.normal(size=shape)).astype("float32")
    real = np.arange(length) < rng.integers(1, length + 1, (2, 1))
    allowed = real[:, None, :, None] & real[:, None, None, :]
    allowed = allowed & np.triu(np.ones((length, length), bool))
    scores = np.where(allowed, scores, np.float32(FORBIDDEN))
    labels = np.full((2, num_spans, 3), -1)
    for b in range(2):
        last = int(real[b].sum())
        for n in range(rng.integers(0, num_spans + 1)):
            start = rng.integers(0, last)
            labels[b, n] = (
                rng.integers(num_types),
                start,
                rng.integers(start, last),
            )
    if num_spans > 1:
        labels[0, -1] = labels[0, 0]
    return labels, scores


def test_keeps_the_contract_of_losses():
    labels, scores = batch()
    check_loss(SpanCrossentropy, dict(type_reduction="sum"), labels, scores)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_follows_its_formula(reduction):
    labels, scores = batch()
    loss, _ = by_loops(labels, scores)
    found = SpanCrossentropy(reduction, reduction=None)(labels, scores)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(found),
        getattr(loss, reduction)(axis=1),
        rtol=1e-6,
    )


def total_loss(scores, labels):
    return SpanCrossentropy("sum", reduction="sum")(labels, scores)


@given(
    st.integers(0, 10_000), st.sampled_from([1e-3, 1.0, 8.0, 60.0, 400.0, 1e3])
)
def test_equals_the_dense_loss_in_float64_with_its_gradient(seed, scale):
    labels, scores = batch(seed, scale)
    value, gradient = value_and_gradient(total_loss, scores, labels)
    loss, slope = by_loops(labels, scores)
    np.testing.assert_allclose(value, loss.sum(), rtol=1e-5, atol=1e-30)
    np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("positive", [-1e3, -20, 0, 8, 14, 16, 20, 30, 1e3])
def test_negatives_keep_their_gradient_whatever_the_positive_score(positive):
    rng = np.random.default_rng(3)
    scores = rng.normal(-8, 1, size=(1, 1, 64, 64)).astype("float32")
    scores[0, 0, 5, 9] = positive
    labels = np.array([[[0, 5, 9]]])
    value, gradient = value_and_gradient(total_loss, scores, labels)
    loss, slope = by_loops(labels, scores)
    np.testing.assert_allclose(value, loss.sum(), rtol=1e-5)
    np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-30)
    assert gradient[0, 0, 5, 9] <= 0  # Never pushed down.


def test_equals_the_loss_of_dense_labels():
    labels, scores = batch()
    dense = np.zeros(scores.shape, "float32")
    for b, rows in enumerate(labels):
        for kind, start, end in rows[rows[:, 0] >= 0]:
            dense[b, kind, start, end] = 1
    sparse = SpanCrossentropy()(labels, scores)
    expected = MultilabelCrossentropy(axis=(-2, -1))(dense, scores)
    np.testing.assert_allclose(float(sparse), float(expected), rtol=1e-6)


def test_without_labels_only_negatives_count():
    _, scores = batch()
    rows = [np.zeros((2, 0, 3), int), np.full((2, 3, 3), -1)]
    expected = by_loops(rows[1], scores)[0].mean()
    for labels in rows:
        found = float(SpanCrossentropy()(labels, scores))
        assert found == pytest.approx(expected, rel=1e-6)


def test_a_batch_of_only_padding_costs_nothing_and_pulls_nothing():
    scores = np.full((2, 3, 4, 4), FORBIDDEN, "float32")
    labels = np.full((2, 1, 3), -1)
    value, gradient = value_and_gradient(total_loss, scores, labels)
    assert value == 0
    assert (gradient == 0).all()


def test_one_pair_is_a_logistic_loss():
    labels = np.array([[[0, 0, 0]]])
    for score in (-3.0, 2.0):
        scores = np.full((1, 1, 1, 1), score, "float32")
        found = float(SpanCrossentropy()(labels, scores))
        assert found == pytest.approx(math.log1p(math.exp(-score)), rel=1e-6)


@pytest.mark.parametrize(
    "row", [(3, 0, 0), (0, 5, 5), (0, 0, 5), (0, -1, 2), (-1, 0, 0)]
)
def test_a_label_outside_the_scores_is_not_a_number(row):
    labels, scores = batch()
    labels[1, 0] = row
    found = SpanCrossentropy(reduction=None)(labels, scores)
    isnan = np.isnan(keras.ops.convert_to_numpy(found))
    np.testing.assert_array_equal(isnan, [False, True])


def test_a_label_on_a_forbidden_pair_is_loud():
    labels, scores = batch(num_types=1)
    labels[:] = -1
    labels[0, 0] = 0, 3, 1
    assert float(SpanCrossentropy()(labels, scores)) > 1e8


def test_integer_labels_survive_a_half_precision_loss():
    length = 300  # bfloat16 has no 257.
    scores = np.zeros((1, 1, length, length), "float32")
    scores[0, 0, 257, 259] = 9.0
    exact = SpanCrossentropy()([[[0, 257, 259]]], scores)
    half = SpanCrossentropy(dtype="bfloat16")([[[0, 257, 259]]], scores)
    assert float(half) == float(exact)


def test_trains_the_efficient_layer_under_half_precision():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 6, 8)).astype("float32")
    inputs = keras.Input((6, 8))
    layer = EfficientGlobalPointer(2, 4, dtype="mixed_float16")
    model = keras.Model(inputs, layer(inputs))
    model.compile("sgd", SpanCrossentropy())
    labels = np.array([[[0, 1, 2]], [[1, 0, 5]]])
    losses = [model.train_on_batch(x, labels) for _ in range(20)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_names_the_bad_argument():
    scores = np.zeros((1, 2, 3, 3), "float32")
    with pytest.raises(ValueError, match="type_reduction='max'"):
        SpanCrossentropy("max")
    with pytest.raises(ValueError, match=r"`y_true` must have shape"):
        SpanCrossentropy()(np.zeros((1, 3)), scores)
    with pytest.raises(ValueError, match=r"`y_pred` must have shape"):
        SpanCrossentropy()(np.zeros((1, 1, 3)), scores[0])
    with pytest.raises(ValueError, match="y_true of shape"):
        SpanCrossentropy()(np.zeros((1, 1, 4)), scores)
