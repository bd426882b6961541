"""Fisher information is the mean of squares, and leaves the model alone."""

import random

import keras
import numpy as np
import pytest

from keras_tricks.optimizers import fisher_information

RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 3)).astype("float32")
Y = RNG.normal(size=(7, 2)).astype("float32")


def model(compiled=True, policy=None):
    """Dense, batch normalisation, dropout and dense, with every penalty."""
    layers = [
        keras.layers.Dense(
            4,
            "tanh",
            kernel_constraint="unit_norm",
            kernel_regularizer=keras.regularizers.L2(10.0),
            dtype=policy,
        ),
        keras.layers.BatchNormalization(dtype=policy),
        keras.layers.Dropout(0.5, dtype=policy),
        keras.layers.Dense(2, dtype=policy),
    ]
    one = keras.Sequential([keras.Input((3,)), *layers])
    rng = np.random.default_rng(1)
    one.set_weights([0.5 + rng.random(w.shape) for w in one.get_weights()])
    if compiled:
        one.compile("adam", "mse", metrics=["mae"])
    return one


def loss_of(weights, x, y):
    """Mean squared error of the model in inference, in float64."""
    w, b, gamma, beta, v, c, mean, variance = weights
    h = np.tanh(x @ w + b)
    h = gamma * (h - mean) / np.sqrt(variance + 1e-3) + beta
    return ((h @ v + c - y) ** 2).mean()


def literal(one, groups):
    """Mean over groups of examples of squared finite differences."""
    weights = [np.asarray(w, "float64") for w in by_role(one)]
    total = [np.zeros_like(w) for w in weights[:6]]
    for group in groups:
        for i, square in enumerate(total):
            for place in np.ndindex(square.shape):
                ends = []
                for step in (1e-5, -1e-5):
                    moved = [w.copy() for w in weights]
                    moved[i][place] += step
                    ends.append(loss_of(moved, X[group], Y[group]))
                square[place] += ((ends[0] - ends[1]) / 2e-5) ** 2
    return [t / len(groups) for t in total]


def by_role(one):
    to_numpy = keras.ops.convert_to_numpy
    return [
        to_numpy(v.value)
        for v in one.trainable_variables + one.non_trainable_variables[:2]
    ]


BATCHES = [[0, 1, 2], [3, 4, 5], [6]]
EXAMPLES = [[i] for i in range(7)]


@pytest.mark.parametrize("per_example", [False, True])
def test_follows_its_formula(per_example):
    one = model()
    found = fisher_information(one, X, Y, per_example=per_example, batch_size=3)
    expected = literal(one, EXAMPLES if per_example else BATCHES)
    for information, wanted in zip(found, expected, strict=True):
        assert information.dtype == "float32"
        np.testing.assert_allclose(information, wanted, 2e-5, 1e-9)


def test_leaves_model_optimizer_and_seeds_as_they_were():
    one = model()
    one.fit(X, Y, verbose=0)
    variables = one.variables + one.optimizer.variables
    before = [np.array(keras.ops.convert_to_numpy(v.value)) for v in variables]
    optimizer, metrics = one.optimizer, one.get_metrics_result()
    random.seed(3), np.random.seed(3)  # noqa: NPY002
    fisher_information(one, X, Y)
    assert (random.random(), np.random.rand()) == pytest.approx(  # noqa: NPY002
        (0.23796462709189137, 0.5507979025745755)
    )
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(variable.value), value
        )
    assert one.optimizer is optimizer
    assert one.get_metrics_result() == metrics
    assert one.layers[0].kernel.constraint is not None
    one.fit(X, Y, verbose=0)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return len(BATCHES)

    def __getitem__(self, index):
        return X[BATCHES[index]], Y[BATCHES[index]]


def test_takes_datasets_and_cuts_them_into_examples():
    one = model()
    for per_example in (False, True):
        expected = fisher_information(
            one, X, Y, per_example=per_example, batch_size=3
        )
        found = fisher_information(one, Batches(), per_example=per_example)
        for information, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(information, wanted, 1e-5)


def test_the_loss_may_be_given():
    one = model(compiled=False)
    with pytest.raises(ValueError, match="`loss` must be given"):
        fisher_information(one, X, Y)
    found = fisher_information(one, X, Y, loss=half)
    whole = fisher_information(one, X, Y, loss="mse")
    for information, wanted in zip(found, whole, strict=True):
        np.testing.assert_allclose(information, wanted / 4, 1e-5)


def half(y_true, y_pred):
    return keras.losses.mean_squared_error(y_true, y_pred) / 2


def test_sample_weights_count():
    weight = np.zeros(7, "float32")
    weight[2] = 7
    found = fisher_information(model(), X, Y, weight)
    alone = fisher_information(model(), X[2:3], Y[2:3])
    for information, wanted in zip(found, alone, strict=True):
        np.testing.assert_allclose(information, wanted, 1e-4, 1e-9)


def test_a_weight_that_the_loss_does_not_reach_has_none():
    x = keras.Input((3,))
    one = keras.Model(x, [keras.layers.Dense(2)(x), keras.layers.Dense(2)(x)])
    found = fisher_information(one, X, [Y, Y], loss=["mse", zero])
    assert all((f > 0).any() for f in found[:2])
    assert not any(f.any() for f in found[2:])


def zero(y_true, y_pred):
    return 0 * keras.losses.mean_squared_error(y_true, y_pred)


def test_mixed_float16_agrees_with_float32():
    one, half_one = model(), model(policy="mixed_float16")
    half_one.set_weights(one.get_weights())
    found = fisher_information(half_one, X, Y)
    for information, wanted in zip(
        found, fisher_information(one, X, Y), strict=True
    ):
        np.testing.assert_allclose(information, wanted, 0.05, 0.01)


def test_names_a_loss_that_is_not_finite():
    with pytest.raises(ValueError, match="finite gradients"):
        fisher_information(model(), X * np.nan, Y)
