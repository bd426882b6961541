"""RDrop."""

import math

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.losses import RDrop
from tests.checks.gradients import value_and_gradient
from tests.checks.losses import check_loss


def by_loops(label, logits, alpha=4.0):
    """The formula, a row at a time, in float64."""
    losses = []
    for y, pair in zip(label, logits.astype("float64"), strict=True):
        pair = pair - pair.max(axis=-1, keepdims=True)
        p, q = np.exp(pair) / np.exp(pair).sum(axis=-1, keepdims=True)
        entropy = -(math.log(p[y]) + math.log(q[y])) / 2
        p_q = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
        q_p = sum(b * math.log(b / a) for a, b in zip(p, q, strict=True))
        losses.append(entropy + alpha / 4 * (p_q + q_p))
    return np.array(losses)


def batch(seed=0, rows=5, classes=4, spread=2.0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, classes, rows).astype("int32")
    logits = spread * rng.normal(size=(rows, 2, classes))
    return label, logits.astype("float32")


def total_loss(logits, label):
    return RDrop(reduction="sum")(label, logits)


def rows_of(loss, label, logits):
    return keras.ops.convert_to_numpy(loss(label, logits))


def test_keeps_the_contract_of_losses():
    label, logits = batch()
    check_loss(RDrop, dict(alpha=2.0), label, logits)


@given(
    st.integers(0, 10_000),
    st.sampled_from([0.0, 1.0, 4.0]),
    st.sampled_from([0.01, 2.0, 50.0]),
)
def test_follows_its_formula(seed, alpha, spread):
    label, logits = batch(seed, spread=spread)
    found = rows_of(RDrop(alpha, reduction=None), label, logits)
    expected = by_loops(label, logits, alpha)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_its_gradient_is_the_slope_of_the_formula():
    label, logits = batch(rows=2)
    _, gradient = value_and_gradient(total_loss, logits, label)
    for place in np.ndindex(logits.shape):
        step = np.zeros(logits.shape)
        step[place] = 1e-5
        rise = by_loops(label, logits + step) - by_loops(label, logits - step)
        assert gradient[place] == pytest.approx(rise.sum() / 2e-5, 1e-3, 1e-4)


def test_passes_that_agree_leave_the_cross_entropy():
    label, logits = batch()
    logits[:, 1] = logits[:, 0]
    found = rows_of(RDrop(reduction=None), label, logits)
    plain = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction=None
    )(label, logits[:, 0])
    np.testing.assert_allclose(
        found, keras.ops.convert_to_numpy(plain), rtol=1e-5
    )


def test_the_two_passes_may_be_exchanged():
    label, logits = batch()
    found = rows_of(RDrop(reduction=None), label, logits)
    again = rows_of(RDrop(reduction=None), label, logits[:, ::-1].copy())
    np.testing.assert_allclose(found, again, rtol=1e-6)


def test_huge_logits_keep_value_and_gradient_finite():
    label, logits = batch(spread=1e4)
    value, gradient = value_and_gradient(total_loss, logits, label)
    assert math.isfinite(value)
    assert np.isfinite(gradient).all()


def test_takes_labels_as_a_column():
    label, logits = batch()
    np.testing.assert_array_equal(
        rows_of(RDrop(), label[:, None], logits),
        rows_of(RDrop(), label, logits),
    )


@pytest.mark.parametrize("wrong", [-1, 4])
def test_a_class_without_logits_is_not_hidden(wrong):
    label, logits = batch()
    label[2] = wrong
    found = rows_of(RDrop(reduction=None), label, logits)
    assert np.isnan(found).tolist() == [False, False, True, False, False]


def test_names_the_bad_argument():
    with pytest.raises(ValueError, match="Received: alpha=-1"):
        RDrop(alpha=-1)
    label, logits = batch()
    with pytest.raises(ValueError, match=r"y_pred of shape \(5, 4\)"):
        RDrop()(label, logits[:, 0])
    with pytest.raises(ValueError, match=r"y_pred of shape \(5, 1, 4\)"):
        RDrop()(label, logits[:, :1])
    with pytest.raises(ValueError, match=r"y_true of shape \(5, 2\)"):
        RDrop()(np.zeros((5, 2)), logits)
    with pytest.raises(ValueError, match=r"y_true of shape \(4,\)"):
        RDrop()(label[:4], logits)


def test_a_class_that_both_views_rule_out_changes_nothing():
    label, logits = batch()
    ruled_out = np.full((5, 2, 1), -np.inf, "float32")
    more = np.concatenate([logits, ruled_out], axis=-1)
    expected, slopes = value_and_gradient(total_loss, logits, label)
    value, gradient = value_and_gradient(total_loss, more, label)
    assert value == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(gradient[..., :-1], slopes, atol=1e-6)
    np.testing.assert_array_equal(gradient[..., -1], 0.0)
