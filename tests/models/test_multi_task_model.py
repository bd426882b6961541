"""MultiTaskModel."""

import keras
import numpy as np
import pytest

from keras_tricks import multitask
from keras_tricks.models import MultiTaskModel
from tests.checks.aggregators import nearest_without_conflict

NAMES = ("a", "b")


class Affine(keras.losses.Loss):
    """Squared error, times a factor, plus a constant."""

    def __init__(self, factor=1.0, constant=0.0):
        super().__init__()
        self.factor, self.constant = factor, constant

    def call(self, y_true, y_pred):
        error = keras.ops.mean(keras.ops.square(y_pred - y_true), axis=-1)
        return self.factor * error + self.constant


class Closeness(keras.losses.CosineSimilarity):
    """A loss that is negative because another one is."""


def data(rows=6):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 4)).astype("float32")
    y = rng.normal(size=(rows, 2)).astype("float32")
    return x, {"a": y[:, :1], "b": y[:, 1:]}


def make(losses=("mse", "mse"), optimizer=None, cls=MultiTaskModel, **options):
    x = keras.Input((4,))
    kernel = options.pop("regularizer", None)
    trunk = keras.layers.Dense(
        3, use_bias=False, name="trunk", kernel_regularizer=kernel
    )
    h = trunk(x)
    head = {k: keras.layers.Dense(1, name=k) for k in NAMES}
    model = cls(x, {k: head[k](h) for k in NAMES})
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    optimizer = optimizer or keras.optimizers.SGD(0.05)
    losses = dict(zip(NAMES, losses, strict=True))
    jit_compile = keras.config.backend() == "jax"
    model.compile(optimizer, losses, jit_compile=jit_compile, **options)
    return model


def weights_after(model, steps=3):
    x, y = data()
    for _ in range(steps):
        model.train_on_batch(x, y)
    return np.concatenate(
        [
            np.ravel(w)
            for name in ("trunk", *NAMES)
            for w in model.get_layer(name).get_weights()
        ]
    )


def task_gradients(model, x, y):
    """Each task's gradient over the trunk's kernel, in float64."""
    (kernel,) = model.get_layer("trunk").get_weights()
    found = []
    for name in NAMES:
        head, bias = model.get_layer(name).get_weights()
        error = x @ kernel @ head + bias - y[name]
        found.append((x.T @ (2 * error @ head.T / len(x))).astype("float64"))
    return np.array(found)


@pytest.mark.parametrize("name", ["dynamic", "initial"])
@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_the_unit_of_a_loss_does_not_move_the_trajectory(name, factor):
    first = weights_after(make(("mse", Affine()), loss_weights=name))
    second = weights_after(make(("mse", Affine(factor)), loss_weights=name))
    np.testing.assert_allclose(second, first, atol=1e-4)


def test_the_unit_of_a_loss_scales_the_geometric_mean_as_a_whole():
    found = []
    for factor in (1.0, 1e3):
        adam = keras.optimizers.Adam(0.01, epsilon=1e-20)
        losses = ("mse", Affine(factor))
        model = make(losses, adam, loss_weights="geometric")
        found.append(weights_after(model))
    np.testing.assert_allclose(found[1], found[0], atol=1e-4)


def test_a_bound_takes_a_constant_out():
    bounded = multitask.DynamicLosses(lower_bounds=[0.0, 10.0])
    shifted = make(("mse", Affine(1.0, 10.0)), loss_weights=bounded)
    plain = make(("mse", Affine()), loss_weights="dynamic")
    np.testing.assert_allclose(
        weights_after(shifted), weights_after(plain), atol=1e-4
    )


@pytest.mark.parametrize("name", ["mgda", "upgrad"])
def test_a_constant_does_not_move_an_aggregate(name):
    shifted = make(("mse", Affine(1.0, 10.0)), aggregator=name)
    plain = make(("mse", Affine()), aggregator=name)
    np.testing.assert_allclose(
        weights_after(shifted), weights_after(plain), atol=1e-5
    )


def test_trained_weights_train_on_every_backend():
    model = make(loss_weights="uncertainty")
    weights_after(model)
    s = keras.ops.convert_to_numpy(model.weighting.log_variances)
    assert (abs(s) > 1e-3).all()


@pytest.mark.parametrize(
    "options",
    [{}, {"loss_weights": "geometric"}, {"aggregator": "upgrad"}],
    ids=["plain", "loss", "gradient"],
)
def test_the_logs_are_those_of_a_plain_model(options):
    x, y = data()
    settings = dict(regularizer="l2", metrics={"a": ["mae"]})
    plain = make(cls=keras.Model, **settings)
    ours = make(**settings, **options)
    for each in ("train_on_batch", "test_on_batch"):
        arguments = {"return_dict": True}
        expected = getattr(plain, each)(x, y, **arguments)
        found = getattr(ours, each)(x, y, **arguments)
        assert set(found) == set(expected)
        if each == "train_on_batch":
            for key in expected:
                assert found[key] == pytest.approx(expected[key], rel=1e-5)


def test_the_shared_layer_gets_the_exact_aggregate_and_heads_their_own():
    x, y = data()
    sgd = keras.optimizers.SGD(1.0)
    model = make(optimizer=sgd, aggregator="upgrad", regularizer="l2")
    plain = make(cls=keras.Model, optimizer=keras.optimizers.SGD(1.0))
    (before,) = model.get_layer("trunk").get_weights()
    g = task_gradients(model, x, y).reshape(2, -1)
    u = np.mean([nearest_without_conflict(row, g) for row in g], axis=0)
    assert g[0] @ g[1] < 0
    model.train_on_batch(x, y)
    plain.train_on_batch(x, y)
    (after,) = model.get_layer("trunk").get_weights()
    expected = u.reshape(before.shape) + 2 * 0.01 * before
    np.testing.assert_allclose(before - after, expected, rtol=1e-4, atol=1e-5)
    found = keras.ops.convert_to_numpy(model.task_weights)
    np.testing.assert_allclose(found @ g, u, rtol=1e-4, atol=1e-5)
    for name in NAMES:
        for ours, theirs in zip(
            model.get_layer(name).get_weights(),
            plain.get_layer(name).get_weights(),
            strict=True,
        ):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_scaling_the_loss_does_not_move_an_aggregate():
    scaled = keras.optimizers.SGD(0.05, loss_scale_factor=256.0)
    first = weights_after(make(aggregator="mgda"))
    second = weights_after(make(optimizer=scaled, aggregator="mgda"))
    np.testing.assert_allclose(second, first, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss", ["mse", ["mse", "mae"]])
def test_takes_lists_embeddings_and_named_layers(loss):
    x = keras.Input((3,), dtype="int32")
    h = keras.layers.Embedding(5, 2, name="words")(x)
    h = keras.layers.GlobalAveragePooling1D()(h)
    outputs = [keras.layers.Dense(1)(h) for _ in range(2)]
    ids = np.array([[0, 1, 2], [3, 3, 4]])
    y = np.array([1.0, -1.0], "float32")
    found = []
    for shared in (None, ["words"]):
        model = MultiTaskModel(x, outputs)
        rng = np.random.default_rng(0)
        model.set_weights(
            [rng.normal(size=w.shape) for w in model.get_weights()]
        )
        model.compile("sgd", loss, aggregator="mgda", shared=shared)
        model.fit(ids, [y, 2 * y], verbose=0)
        found.append(model.get_layer("words").get_weights()[0])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"loss_weights": "initial"},
        {"loss_weights": "famo"},
        {"aggregator": multitask.CAGrad(0.2)},
    ],
    ids=["initial", "famo", "cagrad"],
)
def test_is_saved_with_its_state_and_trains_on(options, tmp_path):
    adam = keras.optimizers.Adam(0.01, beta_1=0.5, epsilon=0.1)
    model = make(optimizer=adam, **options)
    weights_after(model)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for found, expected in zip(
        again.get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(
        weights_after(again), weights_after(model), rtol=1e-5, atol=1e-6
    )


def test_names_what_does_not_fit():
    for loss in ("cosine_similarity", Closeness(), "poisson"):
        ratios = multitask.DynamicWeightAverage(5)
        for name in ("dynamic", "famo", "geometric", "initial", ratios):
            with pytest.raises(ValueError, match="needs losses above 0"):
                make(("mse", loss), loss_weights=name)
    with pytest.raises(ValueError, match="`lower_bounds` must be 2"):
        make(loss_weights=multitask.DynamicLosses([0.0]))
    with pytest.raises(ValueError, match="`loss_weights` must be `None`"):
        make(loss_weights="geometric", aggregator="mgda")
    x = keras.Input((2,))
    model = MultiTaskModel(x, keras.layers.Dense(1)(x))
    with pytest.raises(ValueError, match="`loss` must be a list or dict"):
        model.compile("sgd", "mse", aggregator="mgda")
    outputs = [keras.layers.Dense(1)(x) for _ in range(2)]
    model = MultiTaskModel(x, outputs)
    model.compile("sgd", "mse", aggregator="mgda")
    one = np.ones((2, 1), "float32")
    with pytest.raises(ValueError, match="`shared` must name layers"):
        model.train_on_batch(np.ones((2, 2), "float32"), [one, one])
