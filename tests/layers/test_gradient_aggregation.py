"""GradientAggregation."""

import json

import keras
import numpy as np
import pytest

from keras_tricks import multitask
from keras_tricks.layers import GradientAggregation
from tests.checks.aggregators import shortest
from tests.checks.configs import check_config
from tests.checks.steps import counted_calls

SCALES = (1.0, 100.0, 1e4)
NAMES = ("a", "b", "c")


def data(seed=0, rows=6):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4)).astype("float32")
    y = rng.normal(size=(rows, 3)).astype("float32")
    return x, {name: y[:, i : i + 1] for i, name in enumerate(NAMES)}


def modes():
    """Values of `jit_compile`; without it JAX compiles each loop each time."""
    backend = keras.config.backend()
    return {"jax": (True,), "torch": (False,)}.get(backend, (False, True))


def make(aggregator="mgda", scales=(1.0,) * 3, optimizer="sgd", **kwargs):
    """A linear trunk, three linear heads, squared errors of any scale."""
    options = dict(jit_compile=kwargs.pop("jit_compile", modes()[0]))
    policy = kwargs.pop("dtype", None)
    x = keras.Input((4,))
    h = keras.layers.Dense(5, use_bias=False, name="trunk", dtype=policy)(x)
    if aggregator is None:
        copies = dict.fromkeys(NAMES, h)
    else:
        copies = GradientAggregation(
            NAMES, aggregator, name="meet", dtype=policy, **kwargs
        )(h)
    head = {k: keras.layers.Dense(1, name=k, dtype=policy) for k in NAMES}
    model = keras.Model(x, {k: head[k](copies[k]) for k in NAMES})
    rng = np.random.default_rng(7)
    model.set_weights(
        [rng.normal(size=w.shape) / 2 for w in model.get_weights()]
    )
    weights = dict(zip(NAMES, map(float, scales), strict=True))
    model.compile(
        optimizer, dict.fromkeys(NAMES, "mse"), loss_weights=weights, **options
    )
    return model


def trunk(model):
    return np.array(model.get_layer("trunk").get_weights()[0], "float64")


def upstream(model, x, y, scales):
    """The tasks' gradients by the features, and those by the trunk's kernel."""
    h = x @ trunk(model)
    gradients = []
    for name, scale in zip(NAMES, scales, strict=True):
        kernel, bias = model.get_layer(name).get_weights()
        error = h @ kernel + bias - y[name]
        gradients.append(2 * scale * error @ kernel.T / len(x))
    return np.array(gradients)


def of(aggregator, g):
    rows = g.reshape(len(g), -1)
    u = {
        "mean": lambda: rows.mean(axis=0),
        "mgda": lambda: shortest(rows),
        "primary_auxiliary": lambda: shortest(rows[:1], rows[1:]),
    }[aggregator]()
    return u.reshape(g.shape[1:])


@pytest.mark.parametrize("aggregator", ["mean", "mgda", "primary_auxiliary"])
def test_the_shared_layers_get_the_aggregate(aggregator):
    x, y = data()
    for jit_compile in modes():
        sgd = keras.optimizers.SGD(1.0)
        model = make(aggregator, SCALES, sgd, jit_compile=jit_compile)
        g = upstream(model, x, y, SCALES)
        expected = x.T @ of(aggregator, g)
        before = trunk(model)
        model.train_on_batch(x, y)
        step = before - trunk(model)
        scale = abs(before).max() + abs(expected).max()
        np.testing.assert_allclose(step, expected, 1e-5, 1e-6 * scale)
        layer = model.get_layer("meet")
        weights = keras.ops.convert_to_numpy(layer.task_weights)
        flat = g.reshape(3, -1)
        found = weights @ flat
        limit = 1e-5 * np.linalg.norm(flat, axis=1).max()
        np.testing.assert_allclose(found, of(aggregator, g).ravel(), 0, limit)
        n = np.linalg.norm(flat, axis=1)
        cosines = keras.ops.convert_to_numpy(layer.task_cosines)
        np.testing.assert_allclose(
            cosines, flat @ flat.T / n / n[:, None], 0, 1e-6
        )


def test_forward_is_the_identity_and_heads_keep_their_gradients():
    x, y = data()
    layer, plain = make("upgrad"), make(None)
    for name in ("trunk", *NAMES):
        plain.get_layer(name).set_weights(layer.get_layer(name).get_weights())
    for name, found in layer.predict(x, verbose=0).items():
        expected = plain.predict(x, verbose=0)[name]
        np.testing.assert_array_equal(found, expected)
    for model in (layer, plain):
        model.train_on_batch(x, y)
    for name in NAMES:
        for found, expected in zip(
            layer.get_layer(name).get_weights(),
            plain.get_layer(name).get_weights(),
            strict=True,
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert abs(trunk(layer) - trunk(plain)).max() > 1e-3


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_the_scale_of_a_loss_does_not_move_the_trajectory(factor):
    x, y = data()
    found = []
    for scales in ((1.0, 1.0, 1.0), (1.0, factor, 1.0)):
        adam = keras.optimizers.Adam(0.01, epsilon=1e-20)
        model = make("normalized_sum", scales, adam)
        for _ in range(10):
            model.train_on_batch(x, y)
        found.append([trunk(model), model.get_layer("b").get_weights()[0]])
    for first, second in zip(*found, strict=True):
        np.testing.assert_allclose(second, first, atol=1e-4)


class Shifted(keras.losses.MeanSquaredError):
    """Squared error and a constant."""

    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred) + 10.0


@pytest.mark.parametrize("aggregator", ["mgda", "nash_mtl"])
def test_a_constant_on_a_loss_does_not_move_the_trajectory(aggregator):
    x, y = data()
    found = []
    for loss in ("mse", Shifted()):
        model = make(aggregator)
        losses = {"a": "mse", "b": loss, "c": "mse"}
        model.compile("sgd", losses, jit_compile=modes()[0])
        for _ in range(3):
            model.train_on_batch(x, y)
        found.append(trunk(model))
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)


@pytest.mark.parametrize("aggregator", ["nash_mtl", "cagrad"])
def test_scaling_the_loss_is_exact(aggregator):
    x, y = data()
    found = []
    for factor in (1.0, 1024.0):
        sgd = keras.optimizers.SGD(0.1, loss_scale_factor=factor)
        model = make(aggregator, optimizer=sgd)
        model.train_on_batch(x, y)
        found.append(trunk(model))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)


def test_trains_in_half_precision_and_skips_a_spoilt_step():
    x, y = data()
    for policy in ("mixed_float16", "mixed_bfloat16"):
        inner = keras.optimizers.SGD(0.1)
        scaled = keras.optimizers.LossScaleOptimizer(
            inner, initial_scale=2.0**11
        )
        model = make("mgda", dtype=policy, optimizer=scaled)
        before = trunk(model)
        model.train_on_batch(x, y)
        assert np.isfinite(trunk(model)).all()
        assert (trunk(model) != before).any()
        state = model.get_layer("meet").task_weights
        assert keras.ops.convert_to_numpy(state).sum() == pytest.approx(1.0)
        assert state.dtype == "float32"
    inner = keras.optimizers.SGD(0.1)
    scaled = keras.optimizers.LossScaleOptimizer(inner, initial_scale=2.0**40)
    model = make("mgda", dtype="mixed_float16", optimizer=scaled)
    state = model.get_layer("meet").get_weights()
    before = trunk(model)
    model.train_on_batch(x, y)
    np.testing.assert_array_equal(trunk(model), before)
    for found, expected in zip(
        model.get_layer("meet").get_weights(), state, strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_a_copy_without_a_loss_is_left_out():
    x, y = data()
    inputs = keras.Input((4,))
    h = keras.layers.Dense(5, name="trunk")(inputs)
    first, second, _ = GradientAggregation(3, name="meet")(h)
    outputs = {
        "a": keras.layers.Dense(1, name="a")(first),
        "b": keras.layers.Dense(1, name="b")(second),
    }
    model = keras.Model(inputs, outputs)
    model.compile("sgd", {"a": "mse", "b": "mse"})
    model.train_on_batch(x, {"a": y["a"], "b": y["b"]})
    found = model.get_layer("meet").get_weights()[0]
    assert found[2] == 0
    assert found.sum() == pytest.approx(1)


def test_takes_any_rank_and_an_uneven_last_batch():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 4, 4, 1)).astype("float32")
    inputs = keras.Input((None, 4, 1))
    h = keras.layers.Conv2D(2, 2)(inputs)
    copies = GradientAggregation(2)(h)
    pooled = [keras.layers.GlobalAveragePooling2D()(copy) for copy in copies]
    outputs = [keras.layers.Dense(1)(x) for x in pooled]
    model = keras.Model(inputs, outputs)
    model.compile("sgd", ["mse", "mse"])
    y = np.zeros(5, "float32")
    model.fit(x, [y, y + 1], batch_size=3, epochs=2, verbose=0)
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_passes_the_mask_on():
    tokens = np.array([[3, 1, 0, 0], [2, 0, 0, 0]])
    for tasks in (2, ["a", "b"]):
        embedded = keras.layers.Embedding(5, 3, mask_zero=True)(tokens)
        copies = GradientAggregation(tasks)(embedded)
        for copy in copies if isinstance(copies, list) else copies.values():
            mask = keras.ops.convert_to_numpy(copy._keras_mask)
            np.testing.assert_array_equal(mask, tokens != 0)


def test_symbols_are_as_the_tensors():
    for tasks, kind in ((2, list), (["x", "y"], dict)):
        layer = GradientAggregation(tasks, dtype="mixed_float16")
        symbols = layer(keras.Input((None, 3)))
        tensors = layer(np.ones((2, 5, 3), "float32"))
        assert type(symbols) is type(tensors) is kind
        pairs = zip(
            keras.tree.flatten(symbols),
            keras.tree.flatten(tensors),
            strict=True,
        )
        for symbol, tensor in pairs:
            assert tuple(symbol.shape) == (None, None, 3)
            assert symbol.dtype == "float16"
            assert keras.backend.standardize_dtype(tensor.dtype) == "float16"
            assert tuple(tensor.shape) == (2, 5, 3)


def test_evaluating_leaves_the_state_and_steps_are_traced_once():
    x, y = data()
    for jit_compile in modes():
        model = make("upgrad", jit_compile=jit_compile)
        with counted_calls(GradientAggregation) as calls:
            model.train_on_batch(x, y)
            first = len(calls)
            model.train_on_batch(x, y)
            if jit_compile or keras.config.backend() == "tensorflow":
                assert len(calls) == first
        state = model.get_layer("meet").get_weights()
        model.evaluate(x, y, verbose=0)
        model.predict(x, verbose=0)
        for found, expected in zip(
            model.get_layer("meet").get_weights(), state, strict=True
        ):
            np.testing.assert_array_equal(found, expected)


def test_is_saved_with_its_state_and_trains_on(tmp_path):
    x, y = data()
    aggregator = multitask.CAGrad(0.2)
    model = make(aggregator, optimizer="adam")
    model.train_on_batch(x, y)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    layer = again.get_layer("meet")
    assert layer.aggregator.conflict_aversion == 0.2
    assert layer.tasks == list(NAMES)
    for _ in range(2):
        for found, expected in zip(
            again.get_weights(), model.get_weights(), strict=True
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-6)
        for each in (model, again):
            each.train_on_batch(x, y)


def test_without_tracking_any_optimizer_will_do():
    x, y = data()
    ema = keras.optimizers.SGD(use_ema=True)
    model = make("mgda", optimizer=ema, track=False)
    layer = model.get_layer("meet")
    assert layer.weights == []
    assert layer.task_weights is None
    before = trunk(model)
    model.train_on_batch(x, y)
    assert (trunk(model) != before).any()


def test_keeps_its_configuration():
    check_config(GradientAggregation, {"tasks": 3, "track": False})
    init = {"tasks": ["a", "b"], "aggregator": "upgrad"}
    check = GradientAggregation(**init)
    config = json.loads(json.dumps(check.get_config()))
    again = GradientAggregation.from_config(config)
    assert again.tasks == ["a", "b"]
    assert type(again.aggregator) is multitask.UPGrad


def test_names_a_bad_argument():
    for bad in (0, True, "ab", [], ["a", "a"], [1, 2]):
        with pytest.raises(ValueError, match="`tasks` must"):
            GradientAggregation(bad)
    with pytest.raises(ValueError, match="aggregator must be one of"):
        GradientAggregation(2, "sum")
