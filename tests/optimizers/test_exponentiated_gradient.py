"""ExponentiatedGradient."""

import math

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.optimizers import ExponentiatedGradient
from tests.checks.configs import check_config

CONSTRAINTS = ("nonnegative", "simplex", "signed")
SHAPE = (3, 4)


def start(seed=0, constraint="simplex"):
    w = np.random.default_rng(seed).random(SHAPE) + 0.1
    w = w / w.sum(-1, keepdims=True)
    return w - 0.25 if constraint == "signed" else w


def by_loops(w, gradient, lr, constraint, beta=0.1):
    """One step, a weight at a time, in float64."""
    new = np.empty_like(w)
    for i in np.ndindex(w.shape):
        if constraint == "signed":
            plus = (math.hypot(w[i], beta) + w[i]) / 2
            minus = beta**2 / 4 / plus
            plus *= math.exp(-lr * gradient[i])
            minus *= math.exp(lr * gradient[i])
            new[i] = plus - minus
        else:
            new[i] = w[i] * math.exp(-lr * gradient[i])
    return new / new.sum(-1, keepdims=True) if constraint == "simplex" else new


def after(
    w, gradients, lr, constraint="nonnegative", dtype="float32", **kwargs
):
    variable = keras.Variable(w, dtype=dtype)
    optimizer = ExponentiatedGradient(lr, constraint, **kwargs)
    for gradient in gradients:
        gradient = keras.ops.convert_to_tensor(gradient, dtype=dtype)
        optimizer.apply([gradient], [variable])
    value = keras.ops.cast(variable, "float32")
    return np.asarray(keras.ops.convert_to_numpy(value), "float64")


def test_keeps_the_contract_of_configurations():
    init = dict(learning_rate=0.5, constraint="simplex", axis=0, beta=0.2)
    check_config(ExponentiatedGradient, {**init, "clipnorm": 1.0})


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_follows_its_formula(constraint):
    gradients = np.random.default_rng(1).normal(size=(5, *SHAPE))
    w = expected = start(constraint=constraint)
    for gradient in gradients:
        expected = by_loops(expected, gradient, 0.5, constraint)
    found = after(w, gradients, 0.5, constraint)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_sums_to_one_along_the_axis():
    gradient = np.random.default_rng(1).normal(size=SHAPE)
    w = start().T
    found = after(w, [gradient.T], 0.5, "simplex", axis=0)
    expected = by_loops(w.T, gradient, 0.5, "simplex").T
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_beta_parts_additive_from_multiplicative_steps():
    gradient = np.full((1, 2), 0.01)
    w = np.array([[0.0, 5.0]])
    wide = after(w, [gradient], 1.0, "signed", beta=1e3)
    np.testing.assert_allclose(wide - w, [[-10.0, -10.0]], rtol=1e-3)
    narrow = after(w, [gradient], 1.0, "signed", beta=1e-3)
    np.testing.assert_allclose(
        narrow - w, [[-1e-5, 5 * math.expm1(-0.01)]], rtol=1e-3
    )


@given(
    st.integers(0, 10_000),
    st.sampled_from([1e-3, 1.0, 1e4]),
    st.sampled_from(CONSTRAINTS),
    st.sampled_from(["float32", "bfloat16", "float16"]),
)
def test_stays_in_its_set(seed, lr, constraint, dtype):
    rng = np.random.default_rng(seed)
    gradients = rng.normal(size=(6, *SHAPE)) * 10.0 ** rng.integers(-3, 4)
    w = after(start(seed, constraint), gradients, lr, constraint, dtype)
    assert np.isfinite(w).all()
    if constraint != "signed":
        assert (w > 0).all()
    if constraint == "simplex":
        rounding = {"float32": 1e-6, "float16": 2e-3, "bfloat16": 2e-2}[dtype]
        np.testing.assert_allclose(w.sum(-1), 1, atol=rounding)


@given(st.integers(0, 10_000), st.sampled_from([-1e4, 1e2, 1e4]))
def test_a_constant_added_to_the_gradient_cancels_on_the_simplex(seed, shift):
    # Steps of 1/64: the sums are exact in float32.
    rng = np.random.default_rng(seed)
    gradient = rng.integers(-64, 64, SHAPE) / 64
    w = start(seed)
    found = after(w, [gradient + shift], 1.0, "simplex")
    np.testing.assert_allclose(
        found, by_loops(w, gradient, 1.0, "simplex"), rtol=1e-5
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_survives_gradients_without_a_bound(constraint, dtype):
    largest = {"float16": 65504.0}.get(dtype, 3.3e38)
    gradient = np.array([[largest, -largest, np.inf, -np.inf]])
    w = np.array([[0.4, 0.3, 0.2, 0.1]])
    for lr in (1e-2, 1e4):
        found = after(w, [gradient] * 12, lr, constraint, dtype)
        assert np.isfinite(found).all()
        assert (found[:, [0, 2]] <= found[:, [1, 3]]).all()
        back = after(found, [-gradient] * 30, lr, constraint, dtype)
        assert (back[:, [0, 2]] >= back[:, [1, 3]]).all()
        assert (back != found).any()


@pytest.mark.parametrize("constraint", ["nonnegative", "signed"])
def test_a_step_changes_a_weight_by_a_factor_of_e_to_the_20_at_most(constraint):
    found = after(np.array([1.0]), [[-50.0]], 1.0, constraint, beta=1e-3)
    np.testing.assert_allclose(found, math.exp(20), rtol=1e-4)


@pytest.mark.parametrize(
    ("dtype", "least"),
    [("float32", 1.18e-38), ("bfloat16", 1.18e-38), ("float16", 5.96e-8)],
)
def test_the_smallest_number_of_the_dtype_bounds_weights_below(dtype, least):
    w = np.array([[0.5, 0.5]])
    found = after(w, [[[60.0, 0.0]]] * 9, 1.0, "nonnegative", dtype)
    np.testing.assert_allclose(found[0, 0], least, rtol=0.05)
    found = after(w, [[[60.0, 0.0]]] * 9, 1.0, "simplex", dtype)
    np.testing.assert_allclose(found[0, 0], least, rtol=0.05)


def test_the_simplex_survives_a_rate_without_a_bound():
    for w in ([[0.0, 0.6, 0.4]], [[0.2, 0.4, 0.4]]):
        found = after(np.array(w), [[[-9.0, 1.0, 2.0]]], 1e38, "simplex")
        np.testing.assert_allclose(found.sum(-1), 1, rtol=1e-6)
        assert (found[0, 0] > 0) == (w[0][0] > 0)


def test_double_precision_is_kept():
    if keras.config.backend() == "jax":
        pytest.skip("JAX has no float64 unless it is switched on")
    gradient = np.random.default_rng(1).normal(size=SHAPE)
    for constraint in CONSTRAINTS:
        w = start(constraint=constraint)
        variable = keras.Variable(w, dtype="float64")
        optimizer = ExponentiatedGradient(0.5, constraint)
        tensor = keras.ops.convert_to_tensor(gradient, "float64")
        optimizer.apply([tensor], [variable])
        found = keras.ops.convert_to_numpy(variable.value)
        expected = by_loops(w, gradient, 0.5, constraint)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_a_weight_stays_where_the_gradient_is_nan(constraint):
    w = start(constraint=constraint)
    gradient = np.full(SHAPE, np.nan)
    np.testing.assert_allclose(
        after(w, [gradient], 1.0, constraint), w, rtol=1e-5
    )


def test_zeros_stay_zero_and_others_do_not_reach_it():
    w = np.array([[0.0, 0.6, 0.4]])
    for constraint in ("nonnegative", "simplex"):
        found = after(w, [[[-9.0, 1.0, 2.0]]] * 9, 1e4, constraint)
        assert found[0, 0] == 0
        assert (found[0, 1:] > 0).all()


def test_repeated_rows_of_a_sparse_gradient_are_added():
    if keras.config.backend() != "tensorflow":
        return  # Gradients of embeddings are dense elsewhere.
    import tensorflow as tf

    values = np.random.default_rng(1).normal(size=(3, 4)).astype("float32")
    sparse = tf.IndexedSlices(
        values, tf.constant([1, 1, 2]), tf.constant(SHAPE)
    )
    dense = np.stack([0 * values[0], values[0] + values[1], values[2]])
    for constraint in CONSTRAINTS:
        w = start(constraint=constraint)
        variable = keras.Variable(w)
        optimizer = ExponentiatedGradient(0.5, constraint)
        optimizer.apply([sparse], [variable])
        np.testing.assert_allclose(
            variable.numpy(), by_loops(w, dense, 0.5, constraint), rtol=1e-5
        )


def test_nothing_is_stored_beside_the_weights():
    optimizer = ExponentiatedGradient(0.5)
    optimizer.build([keras.Variable(start())])
    assert len(optimizer.variables) == 2  # Iterations and learning rate.


def model(initializer, units=3, **kwargs):
    layer = keras.layers.Dense(
        units, use_bias=False, kernel_initializer=initializer
    )
    network = keras.Sequential([keras.Input((4,)), layer])
    network.compile(ExponentiatedGradient(**kwargs), "mse")
    return network


@pytest.mark.parametrize(
    ("w", "constraint", "message"),
    [
        (-1.0, "nonnegative", "at least 0"),
        (0.0, "nonnegative", "above 0 somewhere"),
        (0.5, "simplex", "sum to 1 along axis -1"),
        (math.nan, "signed", "finite"),
    ],
)
def test_names_the_weights_that_start_outside_its_set(w, constraint, message):
    network = model(
        keras.initializers.Constant(w), learning_rate=0.1, constraint=constraint
    )
    x = np.ones((2, 4), "float32")
    with pytest.raises(ValueError, match=f"{message}.*kernel"):
        network.train_on_batch(x, x[:, :3])


def test_names_a_variable_outside_its_set_before_others_inside():
    variables = [keras.Variable([w, 1.0]) for w in (-1.0, 1.0)]
    optimizer = ExponentiatedGradient(0.5)
    with pytest.raises(ValueError, match="at least 0"):
        optimizer.apply([keras.ops.ones(2)] * 2, variables)


def test_names_a_variable_without_the_axis():
    variable = keras.Variable(np.array([0.5, 0.5]))
    optimizer = ExponentiatedGradient(0.5, "simplex", axis=1)
    with pytest.raises(ValueError, match="have an axis 1"):
        optimizer.apply([keras.ops.ones(2)], [variable])


def test_a_saved_model_goes_on_though_its_initializer_lies_outside(tmp_path):
    x = np.random.default_rng(0).random((8, 4)).astype("float32")
    network = model("glorot_uniform", learning_rate=0.1, constraint="simplex")
    network.set_weights([np.full((4, 3), 1 / 3)])
    network.fit(x, x[:, :3], epochs=2, shuffle=False, verbose=0)
    network.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    for one in (network, again):
        one.fit(x, x[:, :3], shuffle=False, verbose=0)
    np.testing.assert_array_equal(
        *(m.get_weights()[0] for m in (network, again))
    )


def test_finds_the_least_squares_that_are_not_negative():
    from_normal_equations = np.array([1.0, 0.0, 0.0, 2.0])
    a = np.random.default_rng(0).normal(size=(4, 4))
    a = a @ a.T + np.eye(4)
    # The gradient at the solution is 0 where it is positive, else above 0.
    b = a @ from_normal_equations - [0, 1, 2, 0]
    w = np.full(4, 0.5)
    variable = keras.Variable(w)
    optimizer = ExponentiatedGradient(0.05)
    for _ in range(200):
        gradient = a @ variable.numpy() - b
        optimizer.apply([keras.ops.array(gradient, "float32")], [variable])
    np.testing.assert_allclose(
        variable.numpy(), from_normal_equations, atol=2e-3
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(constraint="positive"), "`constraint` must be one of"),
        (dict(beta=0.0), "`beta` must be a finite number above 0"),
        (dict(weight_decay=0.1), "regularizer.*Received: weight_decay=0.1"),
    ],
)
def test_names_the_bad_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        ExponentiatedGradient(0.1, **arguments)


def test_trains_a_model_that_is_built_by_its_first_batch():
    layer = keras.layers.Dense(
        1,
        use_bias=False,
        kernel_initializer=keras.initializers.Constant(1 / 8),
    )
    model = keras.Sequential([layer])
    model.compile(ExponentiatedGradient(0.1, "simplex", axis=0), "mse")
    x = np.random.default_rng(0).normal(size=(16, 8)).astype("float32")
    model.fit(x, x[:, :1], verbose=0)
    shares = keras.ops.convert_to_numpy(layer.kernel)
    np.testing.assert_allclose(shares.sum(), 1, rtol=1e-6)
    assert shares[0] > 1 / 8
