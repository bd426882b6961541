"""Loss weightings, step by step."""

import json

import keras
import numpy as np
import pytest

from keras_tricks import multitask
from tests.checks.configs import check_config
from tests.checks.gradients import value_and_gradient

LOSSES = np.array([0.1, 30.0, 2.0], "float32")
BATCHES = np.abs(np.random.default_rng(0).normal(size=(9, 3))) + 0.1
NAMES = ("dynamic", "famo", "geometric", "initial", "random", "uncertainty")


def slope(weighting, losses=LOSSES):
    return value_and_gradient(lambda x: weighting(x), losses)


def number(x):
    return float(keras.ops.convert_to_numpy(x))


def test_dynamic_divides_each_by_itself():
    value, gradient = slope(multitask.DynamicLosses())
    assert value == pytest.approx(3)
    np.testing.assert_allclose(gradient, 1 / LOSSES, rtol=1e-6)


@pytest.mark.parametrize("power", [-9.0, -1.0, 0.0, 0.5, 1.0, 2.0, 9.0])
def test_generalized_mean_has_its_value_and_weights(power):
    value, gradient = slope(multitask.GeneralizedMean(power))
    x = LOSSES.astype("float64")
    expected = (
        np.exp(np.log(x).mean())
        if power == 0
        else np.mean(x**power) ** (1 / power)
    )
    assert value == pytest.approx(expected, rel=1e-5)
    weights = (x / expected) ** (power - 1) / 3
    np.testing.assert_allclose(gradient, weights, rtol=1e-4, atol=1e-20)


def test_generalized_mean_does_not_overflow():
    huge = np.array([1e30, 1e-30, 1.0], "float32")
    value, gradient = slope(multitask.GeneralizedMean(10.0), huge)
    assert value == pytest.approx(1e30 * 3**-0.1, rel=1e-4)
    assert np.isfinite(gradient).all()


def test_initial_divides_by_the_first_batches():
    weighting = multitask.InitialLosses(num_steps=2)
    found = [number(weighting(x, training=True)) for x in BATCHES[:4]]
    reference = BATCHES[:2].mean(axis=0)
    expected = [3, *((x / reference).sum() for x in BATCHES[1:4])]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    weighting(BATCHES[5], training=False)
    found = number(weighting(BATCHES[6], training=False))
    assert found == pytest.approx((BATCHES[6] / reference).sum(), rel=1e-5)


def test_uncertainty_trains_its_variances():
    weighting = multitask.Uncertainty()
    weighting.build((3,))
    s = np.array([0.5, -1.0, 2.0], "float32")
    weighting.log_variances.assign(s)
    value, gradient = slope(weighting)
    assert value == pytest.approx(0.5 * (np.exp(-s) * LOSSES + s).sum())
    np.testing.assert_allclose(gradient, 0.5 * np.exp(-s), rtol=1e-6)
    assert len(weighting.trainable_variables) == 1


def test_dynamic_weight_average_follows_its_formula():
    weighting = multitask.DynamicWeightAverage(period=2, temperature=0.7)
    means = BATCHES[:8].reshape(4, 2, 3).mean(axis=1)
    for step, losses in enumerate(BATCHES):
        w = np.ones(3)
        if step >= 4:
            r = means[step // 2 - 1] / means[step // 2 - 2] / 0.7
            w = 3 * np.exp(r) / np.exp(r).sum()
        found = number(weighting(losses, training=True))
        assert found == pytest.approx((w * losses).sum(), rel=1e-5), step
    before = number(weighting(losses, training=False))
    assert number(weighting(losses, training=False)) == before


def test_dynamic_weight_average_takes_ratios_above_the_bounds():
    plain = multitask.DynamicWeightAverage(period=1)
    bounds = [-5.0, 0.0, 2.0]
    shifted = multitask.DynamicWeightAverage(1, lower_bounds=bounds)
    for losses in BATCHES[:4]:
        plain(losses, training=True)
        shifted(losses + bounds, training=True)
    _, expected = slope(plain)
    _, found = slope(shifted)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.ptp(expected) > 1e-3
    unbounded = multitask.DynamicWeightAverage(period=1)
    assert np.isnan(number(unbounded(BATCHES[0] + bounds)))


def test_random_weights_sum_to_one_and_differ():
    weighting = multitask.RandomWeights(seed=1)
    ones = np.ones(3, "float32")
    assert number(weighting(ones, training=True)) == pytest.approx(1)
    drawn = {number(weighting(LOSSES, training=True)) for _ in range(4)}
    assert len(drawn) == 4
    assert number(weighting(LOSSES)) == pytest.approx(LOSSES.mean())


def test_famo_follows_its_algorithm():
    rate, decay = 0.1, 0.01
    weighting = multitask.FAMO(rate, decay)
    xi, m, v, last = np.zeros(3), np.zeros(3), np.zeros(3), None
    for step, losses in enumerate(BATCHES):
        z = np.exp(xi) / np.exp(xi).sum()
        if last is not None:
            fall = last - np.log(losses)
            delta = (np.diag(z) - np.outer(z, z)) @ fall + decay * xi
            m, v = 0.9 * m + 0.1 * delta, 0.999 * v + 0.001 * delta**2
            hat = np.sqrt(v / (1 - 0.999**step)) + 1e-8
            xi = xi - rate * m / (1 - 0.9**step) / hat
            z = np.exp(xi) / np.exp(xi).sum()
        last = np.log(losses)
        c = 1 / (z / losses).sum()
        found = number(weighting(losses, training=True))
        expected = c * (z * np.log(losses)).sum()
        assert found == pytest.approx(expected, rel=2e-4, abs=1e-5)
    _, gradient = slope(weighting, losses.astype("float32"))
    np.testing.assert_allclose(gradient, c * z / losses, rtol=1e-3)


POSITIVE = ("dynamic", "famo", "geometric", "initial")


@pytest.mark.parametrize("name", POSITIVE)
def test_a_loss_below_its_bound_is_seen(name):
    cls = type(multitask.get_loss_weighting(name))
    assert np.isnan(number(cls()(np.array([1.0, -0.1], "float32"))))
    bounded = cls(lower_bounds=[0.0, -1.0])
    found = number(bounded(np.array([1.0, -0.1], "float32")))
    assert found == pytest.approx(number(cls()(np.array([1, 0.9], "float32"))))
    assert np.isfinite(number(cls()(np.array([1.0, 0.0], "float32"))))


@pytest.mark.parametrize("bad", [np.inf, np.nan])
@pytest.mark.parametrize(
    "make",
    [
        lambda: multitask.InitialLosses(2),
        lambda: multitask.DynamicWeightAverage(1),
        multitask.FAMO,
    ],
    ids=["initial", "average", "famo"],
)
def test_losses_that_are_not_finite_leave_no_trace(make, bad):
    spoilt, sound = make(), make()
    wrong = np.array([1.0, bad, 2.0], "float32")
    for losses in BATCHES[:4]:
        assert not np.isfinite(number(spoilt(wrong, training=True)))
        sound(losses, training=True)
        spoilt(losses, training=True)
    expected = number(sound(BATCHES[5]))
    assert number(spoilt(BATCHES[5])) == pytest.approx(expected, rel=1e-6)


def test_computes_in_float32_whatever_it_is_asked_for():
    weighting = multitask.DynamicLosses(dtype="float16")
    large = weighting(np.array([1e6, 1.0], "float32"))
    assert number(large) == 2
    assert keras.backend.standardize_dtype(large.dtype) == "float32"


@pytest.mark.parametrize("name", NAMES)
def test_keeps_its_configuration(name):
    weighting = multitask.get_loss_weighting(name)
    assert multitask.get_loss_weighting(weighting) is weighting
    described = json.loads(
        json.dumps(keras.saving.serialize_keras_object(weighting))
    )
    again = multitask.get_loss_weighting(described)
    assert type(again) is type(weighting)
    assert again.get_config() == weighting.get_config()


def test_keeps_its_arguments():
    check_config(multitask.GeneralizedMean, {"power": 2.0})
    check_config(multitask.InitialLosses, {"num_steps": 3})
    check_config(multitask.DynamicLosses, {"lower_bounds": [0.0, -2.0]})
    check_config(
        multitask.DynamicWeightAverage,
        {"period": 5, "temperature": 1.0, "lower_bounds": [0.0, -1.0]},
    )
    check_config(multitask.FAMO, {"learning_rate": 0.1, "decay": 0.2})
    check_config(multitask.RandomWeights, {"seed": 3})


def test_prior_loss_is_that_of_the_best_constant():
    labels = np.array([0, 1, 2, 1, 1, 0])
    p = np.array([2, 3, 1]) / 6
    expected = -(p * np.log(p)).sum()
    assert multitask.prior_loss(labels, True) == pytest.approx(expected)
    values = np.random.default_rng(0).normal(size=(20, 2))
    mse = keras.losses.MeanSquaredError()
    constant = np.broadcast_to(values.mean(axis=0), values.shape)
    expected = number(mse(values, constant))
    found = multitask.prior_loss(values, False)
    assert found == pytest.approx(expected, rel=1e-5)


def test_names_a_bad_argument():
    for bad in ("sum", 3, multitask.MGDA()):
        with pytest.raises(ValueError, match="weighting must be one of"):
            multitask.get_loss_weighting(bad)
    for make, name in (
        (lambda: multitask.InitialLosses(0), "num_steps"),
        (lambda: multitask.DynamicWeightAverage(0), "period"),
        (lambda: multitask.DynamicWeightAverage(1, 0.0), "temperature"),
        (lambda: multitask.FAMO(0.0), "learning_rate"),
        (lambda: multitask.prior_loss([], True), "labels"),
        (lambda: multitask.prior_loss([1, 1], True), "labels"),
    ):
        with pytest.raises(ValueError, match=f"`{name}` must"):
            make()
