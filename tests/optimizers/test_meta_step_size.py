"""MetaStepSize."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.optimizers import MetaStepSize
from tests.checks.configs import check_config
from tests.checks.optimizers import Case
from tests.checks.optimizers import Run

GRADIENTS = ([0.1, -0.5], [-1.0, -1.5])


def array(x):
    return keras.ops.convert_to_numpy(keras.ops.cast(x, "float32"))


def gains_of(optimizer):
    return array(optimizer.sizes.gains[0])


def train(inner, gradients, w=(0.5, 1.0), dtype="float32", **arguments):
    variable = keras.Variable(np.array(w), dtype=dtype)
    optimizer = MetaStepSize(inner, **arguments)
    for gradient in gradients:
        gradient = keras.ops.convert_to_tensor(np.array(gradient), dtype)
        optimizer.apply([gradient], [variable])
    return array(variable), optimizer


def momentum(rate=0.1):
    return keras.optimizers.SGD(rate, momentum=0.9)


EGDD = dict(
    scale_learning_rate=0.001,
    scale_decay_steps=None,
    gain_learning_rate=0.01,
    initial_scale=1.0,
    scale_range=(0.1, 10.0),
    gains_on="gradient",
)


@pytest.mark.parametrize(
    ("use_signs", "w", "momentums", "gains"),
    [
        (False, [0.5810, 1.2463], [-0.0909, -0.1961], [0.9990, 1.0075]),
        (True, [0.5801, 1.2466], [-0.0900, -0.1965], [0.9900, 1.0101]),
    ],
)
def test_gives_the_published_numbers_of_egdd(use_signs, w, momentums, gains):
    inner = momentum()
    found, optimizer = train(inner, GRADIENTS, use_signs=use_signs, **EGDD)
    np.testing.assert_allclose(found, w, atol=5e-5)
    np.testing.assert_allclose(gains_of(optimizer), gains, atol=5e-5)
    np.testing.assert_allclose(-array(inner.momentums[0]), momentums, atol=5e-5)
    assert float(array(optimizer.scale)) == pytest.approx(1.0007, abs=5e-5)


def by_loops(gradients, w, rate, gamma):
    """The post's rule: a step size for each weight, of SGD."""
    w = np.array(w, "float64")
    sizes, before = np.ones_like(w), np.zeros_like(w)
    for g in np.array(gradients, "float64"):
        for i in range(len(w)):
            sizes[i] *= np.exp(gamma * before[i] * g[i])
            w[i] -= rate * sizes[i] * g[i]
        before = g
    return w


def test_reaches_the_simplified_rule_of_the_post():
    gradients = np.random.default_rng(0).normal(size=(8, 2))
    found, _ = train(
        keras.optimizers.SGD(0.1),
        gradients,
        scale_learning_rate=0.0,
        initial_scale=1.0,
        gain_learning_rate=0.2,
        use_signs=False,
    )
    expected = by_loops(gradients, [0.5, 1.0], 0.1, 0.2)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_inner_products_take_the_place_of_cosines():
    _, optimizer = train(momentum(), GRADIENTS, use_directions=False, **EGDD)
    # ⟨g, h⟩ with h = 0.1 · (0.1, −0.5), at the rate 0.001.
    assert float(array(optimizer.scale)) == pytest.approx(
        np.exp(0.001 * 0.065), abs=2e-7
    )


def test_the_scale_decays_or_does_not():
    # On one line all cosines are 1.
    for decay, exponent in ((None, 3.0), (2.0, 1 / 1.5 + 1 / 2 + 1 / 2.5)):
        _, optimizer = train(
            keras.optimizers.SGD(0.1),
            [[1.0, 2.0]] * 4,
            scale_decay_steps=decay,
            initial_scale=0.5,
        )
        assert float(array(optimizer.scale)) == pytest.approx(
            0.5 * np.exp(exponent), rel=1e-5
        )


def test_products_without_a_bound_keep_gains_within_their_range():
    for sign, gain in ((1, 100.0), (-1, 0.01)):
        _, optimizer = train(
            keras.optimizers.SGD(0.1),
            [[1e3, 1e15], [sign * 1e3, sign * 1e15]],
            use_signs=False,
        )
        found = gains_of(optimizer)
        np.testing.assert_allclose(found, [gain, gain], rtol=1e-6)


@pytest.mark.parametrize("gains_on", ["update", "gradient"])
def test_scale_and_gains_stay_within_their_ranges(gains_on):
    for sign, scale, gain in ((1, 2.0, 1.5), (-1, 0.5, 0.8)):
        _, optimizer = train(
            keras.optimizers.SGD(0.1),
            [[sign**i * 1.0, sign**i * 2.0] for i in range(12)],
            initial_scale=1.0,
            gain_learning_rate=0.2,
            scale_range=(0.5, 2.0),
            gain_range=(0.8, 1.5),
            gains_on=gains_on,
        )
        assert float(array(optimizer.scale)) == pytest.approx(scale)
        np.testing.assert_allclose(gains_of(optimizer), gain, rtol=1e-6)


def test_without_gains_it_does_not_matter_what_they_would_be_on():
    found = [
        train(momentum(), GRADIENTS, gain_learning_rate=0.0, gains_on=where)[0]
        for where in ("update", "gradient")
    ]
    np.testing.assert_array_equal(*found)


def test_gains_on_the_gradient_pass_through_the_momentum():
    ends = [
        train(momentum(), [*GRADIENTS, *GRADIENTS], gains_on=where)[0]
        for where in ("update", "gradient")
    ]
    assert abs(ends[0] - ends[1]).max() > 1e-7


def test_weight_decay_is_scaled_like_the_step():
    inner = keras.optimizers.SGD(0.1, weight_decay=0.5)
    found, _ = train(
        inner, [[0.0, 0.0]], initial_scale=0.2, gain_learning_rate=0.0
    )
    np.testing.assert_allclose(found, np.array([0.5, 1.0]) * (1 - 0.01), 1e-6)


@pytest.mark.parametrize("rate", [1e-6, 1e-3, 1.0])
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_finds_a_minimum_from_any_rate(name, rate):
    optimizer = MetaStepSize(getattr(keras.optimizers, name)(rate))
    case = Case("quadratic", make=None, reference=None)
    run = Run(case, optimizer, [[1.0, -1.0]])
    curvature = np.array([1.0, 4.0])
    for _ in range(150):
        run.step([run.weights()[0] * curvature])
    assert (run.weights()[0] ** 2 * curvature).sum() < 0.01


@given(st.integers(0, 10_000), st.sampled_from([1e-6, 1.0, 1e6]))
def test_scale_and_gains_do_not_see_the_size_of_gradients(seed, size):
    gradients = np.random.default_rng(seed).normal(size=(3, 2))
    ends = [
        train(keras.optimizers.SGD(0.1), gradients * factor)[1]
        for factor in (1.0, size)
    ]
    for one, other in zip(*((o.scale, gains_of(o)) for o in ends), strict=True):
        np.testing.assert_allclose(array(one), array(other), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_small_steps_are_not_lost_in_half_precision(dtype):
    # The first steps are of 1e-10, below what float16 can hold.
    w, optimizer = train(
        keras.optimizers.SGD(1e-5),
        [[1.0, 2.0]] * 40,
        dtype=dtype,
        initial_scale=1e-5,
    )
    assert float(array(optimizer.effective_learning_rate)) > 1e-3
    assert np.isfinite(w).all()
    assert w[0] < 0.45


@pytest.mark.parametrize("g", [0.0, 1e-30, 1e30, np.inf, np.nan])
def test_strange_gradients_leave_scale_and_gains_finite(g):
    _, optimizer = train(keras.optimizers.SGD(0.1), [[g, g]] * 2)
    assert np.isfinite(array(optimizer.scale))
    assert np.isfinite(gains_of(optimizer)).all()


@pytest.mark.parametrize(("rate", "stored"), [(0.01, 2), (0.0, 1)])
def test_stores_no_more_than_it_says(rate, stored):
    variable = keras.Variable(np.zeros((5, 7)))
    bare, inner = keras.optimizers.Adam(), keras.optimizers.Adam()
    bare.build([variable])
    optimizer = MetaStepSize(inner, gain_learning_rate=rate)
    optimizer.build([variable])
    numbers = [
        sum(int(np.prod(v.shape)) for v in o.variables)
        for o in (bare, optimizer)
    ]
    assert numbers[1] - numbers[0] == stored * 35 + 1


def test_tells_the_effective_rate():
    optimizer = MetaStepSize(keras.optimizers.SGD(0.5), initial_scale=0.1)
    rate = optimizer.effective_learning_rate
    assert float(array(rate)) == pytest.approx(0.05)
    _, optimizer = train(keras.optimizers.SGD(0.5), [[1.0, 0.0]] * 2)
    expected = 0.5 * 0.001 * np.exp(1 / 1.05)
    rate = optimizer.effective_learning_rate
    assert float(array(rate)) == pytest.approx(expected, rel=1e-5)


def test_a_schedule_that_starts_at_zero_is_survived():
    schedule = keras.optimizers.schedules.PolynomialDecay(0.0, 2, 0.1)
    for signs in (True, False):
        w, optimizer = train(
            keras.optimizers.SGD(schedule), [[1.0, 2.0]] * 5, use_signs=signs
        )
        assert np.isfinite(w).all()
        assert (w < [0.5, 1.0]).all()
        assert np.isfinite(gains_of(optimizer)).all()


def test_round_trips_its_configuration():
    init = dict(
        scale_learning_rate=0.5,
        scale_decay_steps=7,
        gain_learning_rate=0.02,
        initial_scale=0.3,
        scale_range=(0.1, 2.0),
        gain_range=(0.5, 3.0),
        use_directions=False,
        use_signs=False,
        gains_on="gradient",
        name="meta",
    )
    check_config(MetaStepSize, {"inner_optimizer": "sgd", **init})
    config = MetaStepSize("sgd", **init).get_config()
    again = MetaStepSize.from_config(config)
    for name, value in init.items():
        assert getattr(again, name) == value


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(scale_learning_rate=-1.0), "scale_learning_rate=-1.0"),
        (dict(gain_learning_rate=-1.0), "gain_learning_rate=-1.0"),
        (dict(scale_decay_steps=0), "scale_decay_steps=0"),
        (dict(initial_scale=0.0), "`scale_range`.*value 0.0 between"),
        (dict(scale_range=(0.1, 10.0)), "value 0.001 between"),
        (dict(gain_range=(2.0, 3.0)), "`gain_range`.*value 1.0 between"),
        (dict(gains_on="weights"), "`gains_on` must be one of"),
        (dict(clipnorm=1.0), "set it on `inner_optimizer`"),
    ],
)
def test_names_the_bad_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        MetaStepSize("sgd", **arguments)
