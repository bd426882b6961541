"""SpanCrossentropy on the factors of scores."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.layers import EfficientGlobalPointer
from keras_tricks.losses import SpanCrossentropy
from keras_tricks.losses import _row_sums
from keras_tricks.metrics import SpanF1
from tests.checks.gradients import value_and_gradient
from tests.checks.losses import check_loss
from tests.checks.steps import compile_modes
from tests.losses.test_span_crossentropy import by_loops

LENGTH, TYPES = 6, 3


def dense(packed):
    """The scores that factors sum to, in float64, forbidden ones apart."""
    packed = packed.astype("float64")
    length = packed.shape[1]
    num_types = (packed.shape[2] - length) // 2
    span = packed[..., :length]
    start = np.swapaxes(packed[..., length : length + num_types], 1, 2)
    end = np.swapaxes(packed[..., length + num_types :], 1, 2)
    scores = span[:, None] + start[..., None] + end[:, :, None]
    return np.where(span[:, None] < -1e8, -1e9, scores)


def to_factors(slope):
    """Gradients of scores → gradients of their packed factors."""
    return np.concatenate(
        [
            slope.sum(1),
            np.swapaxes(slope.sum(3), 1, 2),
            np.swapaxes(slope.sum(2), 1, 2),
        ],
        axis=-1,
    )


def batch(seed, scale, num_spans=5):
    """Masked and ordered factors, labels with repeats and padding."""
    rng = np.random.default_rng(seed)
    shape = (2, LENGTH, LENGTH + 2 * TYPES)
    packed = (scale * rng.normal(size=shape)).astype("float32")
    real = np.arange(LENGTH) < rng.integers(1, LENGTH + 1, (2, 1))
    allowed = np.triu(np.ones((LENGTH, LENGTH), bool))
    allowed = allowed & real[:, :, None] & real[:, None, :]
    packed[..., :LENGTH] = np.where(allowed, packed[..., :LENGTH], -1e9)
    labels = np.full((2, num_spans, 3), -1)
    for b in range(2):
        last = int(real[b].sum())
        for n in range(rng.integers(0, num_spans + 1)):
            start = rng.integers(0, last)
            end = rng.integers(start, last)
            labels[b, n] = rng.integers(TYPES), start, end
    labels[0, -1] = labels[0, 0]
    return labels, packed


def total_loss(packed, labels):
    return SpanCrossentropy("sum", reduction="sum")(labels, packed)


def check(labels, packed):
    """Value within 1e-5, gradient within 1e-4 of the dense float64 ones."""
    value, gradient = value_and_gradient(total_loss, packed, labels)
    loss, slope = by_loops(labels, dense(packed))
    expected = to_factors(slope)
    np.testing.assert_allclose(value, loss.sum(), rtol=1e-5, atol=1e-30)
    np.testing.assert_allclose(
        gradient, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max()
    )
    return value


@pytest.fixture
def streamed(monkeypatch):
    """Counts the calls of the log-space sums."""
    calls = []
    original = _row_sums.streamed_log_sums

    def counting(*args):
        calls.append(1)
        return original(*args)

    monkeypatch.setattr(_row_sums, "streamed_log_sums", counting)
    return calls


def test_keeps_the_contract_of_losses():
    labels, packed = batch(0, 2.0)
    check_loss(SpanCrossentropy, dict(type_reduction="mean"), labels, packed)


@given(st.integers(0, 10_000), st.sampled_from([1e-2, 1.0, 10.0, 100.0, 1e3]))
def test_equals_the_dense_loss_in_float64_with_its_gradient(seed, scale):
    check(*batch(seed, scale))


@given(st.integers(0, 10_000), st.sampled_from([50.0, 200.0, 1e3]))
def test_best_factors_that_never_meet_are_summed_in_log_space(seed, gap):
    labels, packed = batch(seed, 1.0)
    # The best span factor of each row ends at token 0 or on the diagonal, the
    # best end factor is at another token: each product of the two underflows.
    rng = np.random.default_rng(seed)
    column = rng.integers(0, LENGTH)
    allowed = packed[..., :LENGTH] > -1e8
    packed[..., :LENGTH][allowed] += gap * rng.choice([0, 1], allowed.sum())
    packed[:, column, LENGTH + TYPES :] += gap
    packed[:, column, LENGTH : LENGTH + TYPES] -= 3 * gap
    check(labels, packed)


def test_a_row_that_underflows_is_not_lost():
    packed = np.full((1, 2, 4), 0.0, "float32")
    packed[0, :, :2] = [[500, 0], [-1e9, -1e9]]  # c: only the first row
    packed[0, :, 3] = [-500, 100]  # e: meets 0, not 500
    labels = np.full((1, 1, 3), -1)
    value = check(labels, packed)
    assert value == pytest.approx(100.0)
    packed[0, :, 3] = [-800, 100]
    packed[0, 0, 0] = 700
    assert check(labels, packed) == pytest.approx(100.0)


def test_log_space_is_entered_where_needed_and_only_there(streamed):
    if keras.config.backend() == "jax":
        return  # It traces both branches, and runs one: no call tells which.
    check(*batch(0, 2.0))
    assert not streamed
    packed = np.full((1, 2, 4), 0.0, "float32")
    packed[0, :, :2] = [[700, 0], [-1e9, -1e9]]
    packed[0, :, 3] = [-800, 100]
    check(np.full((1, 1, 3), -1), packed)
    assert streamed


@pytest.mark.parametrize("positive", [-1e3, 0, 14, 20, 1e3])
def test_negatives_keep_their_gradient_beside_a_large_positive(positive):
    labels, packed = batch(1, 1.0)
    packed[..., :LENGTH] -= 8
    labels[:] = -1
    labels[0, 0] = 1, 0, 0
    packed[0, 0, 0] = positive
    check(labels, packed)


def test_without_labels_and_without_tokens():
    _, packed = batch(2, 2.0)
    check(np.full((2, 3, 3), -1), packed)
    check(np.zeros((2, 0, 3), int), packed)
    packed[..., :LENGTH] = -1e9
    nothing = np.full((2, 1, 3), -1)
    value, gradient = value_and_gradient(total_loss, packed, nothing)
    assert value == 0
    assert (gradient == 0).all()
    packed[..., :LENGTH] = -3e4  # As float16 layers forbid
    assert float(SpanCrossentropy()(np.full((2, 1, 3), -1), packed)) == 0


def test_one_token_and_one_type():
    packed = np.array([[[1.5, -0.5, 0.25]]], "float32")
    check(np.array([[[0, 0, 0]]]), packed)
    check(np.array([[[-1, -1, -1]]]), packed)


def test_padded_tokens_do_not_matter_however_high_their_factors():
    labels, packed = batch(3, 1.0)
    expected = check(labels, packed)
    padded = (packed[..., :LENGTH] < -1e8).all(axis=1) & (
        packed[..., :LENGTH] < -1e8
    ).all(axis=2)
    packed[padded, LENGTH:] = 900
    assert check(labels, packed) == pytest.approx(expected, rel=1e-6)


def test_a_label_outside_the_scores_is_not_a_number():
    labels, packed = batch(0, 2.0)
    labels[1, 0] = 0, 0, LENGTH
    found = np.asarray(
        [float(v) for v in SpanCrossentropy(reduction=None)(labels, packed)]
    )
    np.testing.assert_array_equal(np.isnan(found), [False, True])


@pytest.mark.parametrize("width", [LENGTH, LENGTH + 3, LENGTH - 1])
def test_refuses_widths_that_hold_no_factors(width):
    with pytest.raises(ValueError, match="Factored `y_pred`"):
        SpanCrossentropy()(
            np.zeros((1, 1, 3)), np.zeros((1, LENGTH, width), "float32")
        )


class OfChangingLength(keras.utils.PyDataset):
    """Batches whose texts and labels have other lengths each time."""

    def __len__(self):
        return 3

    def __getitem__(self, number):
        rng = np.random.default_rng(number)
        length, num_spans = 4 + number, 1 + number
        x = rng.normal(size=(2, length, 6)).astype("float32")
        labels = np.full((2, num_spans, 3), -1)
        labels[:, 0] = [1, 0, length - 1]
        return x, labels


@pytest.mark.parametrize("factored", [False, True])
@pytest.mark.parametrize("jit_compile", compile_modes())
def test_trains_on_batches_of_changing_length(factored, jit_compile):
    inputs = keras.Input((None, 6))
    layer = EfficientGlobalPointer(2, 4, factored=factored)
    model = keras.Model(inputs, layer(inputs))
    model.compile(
        "sgd",
        SpanCrossentropy(),
        metrics=[SpanF1(average="macro", num_types=2)],
        jit_compile=jit_compile,
    )
    logs = model.fit(OfChangingLength(), epochs=2, verbose=0).history
    assert np.isfinite(logs["loss"]).all()
    assert logs["loss"][1] < logs["loss"][0]
