"""MultilabelCrossentropy."""

import math

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.losses import MultilabelCrossentropy
from tests.checks.gradients import value_and_gradient
from tests.checks.losses import check_loss


def by_loops(target, score):
    """The formula, a label at a time, in float64."""
    positive, negative = 1.0, 1.0
    for t, s in zip(target.tolist(), score.tolist(), strict=True):
        positive += t * math.exp(-s)
        negative += (1 - t) * math.exp(s)
    return math.log(positive) + math.log(negative)


def batch(seed=0, shape=(3, 6)):
    rng = np.random.default_rng(seed)
    target = (rng.random(shape) < 0.3).astype("float32")
    return target, (3 * rng.normal(size=shape)).astype("float32")


def test_keeps_the_contract_of_losses():
    check_loss(MultilabelCrossentropy, dict(axis=-1), *batch())


@pytest.mark.parametrize("soft", [False, True])
def test_follows_its_formula(soft):
    target, score = batch()
    if soft:
        target = np.random.default_rng(1).random(target.shape, "float32")
    expected = [by_loops(t, s) for t, s in zip(target, score, strict=True)]
    found = MultilabelCrossentropy(reduction=None)(target, score)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(found), expected, rtol=1e-6
    )


def test_sums_over_several_axes():
    target, score = batch(shape=(2, 3, 4, 5))
    found = MultilabelCrossentropy(axis=(-2, -1), reduction=None)(target, score)
    flat = MultilabelCrossentropy(reduction=None)(
        target.reshape(2, 3, 20), score.reshape(2, 3, 20)
    )
    assert tuple(found.shape) == (2, 3)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(found),
        keras.ops.convert_to_numpy(flat),
        1e-6,
    )


def total_loss(score, target):
    return MultilabelCrossentropy(reduction="sum")(target, score)


@given(st.integers(0, 10_000), st.sampled_from([0.1, 5.0, 100.0, 1000.0]))
def test_stays_exact_at_any_scale_with_its_gradient(seed, scale):
    rng = np.random.default_rng(seed)
    target = (rng.random((2, 8)) < 0.3).astype("float32")
    score = (scale * rng.normal(size=(2, 8))).astype("float32")
    value, gradient = value_and_gradient(total_loss, score, target)
    expected, slope = exact(target, score.astype("float64"))
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-30)
    np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-30)


def exact(target, score):
    """Value and gradient of the sum in float64, for 0/1 targets."""
    total, slope = 0.0, np.zeros_like(score)
    for row in range(len(score)):
        for sign, chosen in ((-1, target[row] > 0), (1, target[row] == 0)):
            x = sign * score[row][chosen]
            top = max(0.0, x.max(initial=0.0))
            rest = np.exp(x - top)
            total += top + np.log1p(rest.sum() + np.expm1(-top))
            slope[row, chosen] = sign * rest / (np.exp(-top) + rest.sum())
    return total, slope


def test_the_optimum_of_a_soft_target_is_sigmoid_of_twice_the_score():
    target = np.array([[0.2, 0.5, 0.9]], "float32")
    score = (np.log(target / (1 - target)) / 2).astype("float32")
    _, gradient = value_and_gradient(total_loss, score, target)
    np.testing.assert_allclose(gradient, np.zeros((1, 3)), atol=1e-6)


def test_masked_scores_contribute_nothing_not_even_a_gradient():
    target = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]], "float32")
    score = np.array([[2.0, -np.inf, -1e9], [-np.inf] * 3], "float32")
    value, gradient = value_and_gradient(total_loss, score, target)
    assert value == pytest.approx(math.log1p(math.exp(-2.0)), rel=1e-6)
    slope = -1 / (1 + math.exp(2.0))
    np.testing.assert_allclose(gradient, [[slope, 0, 0], [0, 0, 0]], 1e-5)


def test_refuses_labels_of_another_shape():
    with pytest.raises(ValueError, match=r"y_true of shape \(2, 3\)"):
        MultilabelCrossentropy()(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"y_true of shape \(2,\)"):
        MultilabelCrossentropy()(np.zeros(2), np.zeros((2, 4)))
