"""MultiTaskModel in the company of what models are made of."""

import keras
import numpy as np
import pytest

from keras_tricks import multitask
from keras_tricks.models import MultiTaskModel
from keras_tricks.models import TaskBalancing
from keras_tricks.models import task_balancing

METHODS = [{"loss_weights": "dynamic"}, {"aggregator": "mean"}]
IDS = ["loss", "gradient"]


def compiled(model, losses, optimizer="sgd", **options):
    """Seeded from NumPy, compiled as the backend likes it."""
    rng = np.random.default_rng(3)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    jit_compile = keras.config.backend() == "jax"
    options.setdefault("jit_compile", jit_compile)
    model.compile(optimizer, losses, **options)
    return model


def logs_of(model, x, y, **options):
    """What evaluation says, then what a step says."""
    arguments = {"return_dict": True, **options}
    before = model.test_on_batch(x, y, **arguments)
    return before, model.train_on_batch(x, y, **arguments)


def check_same_logs(ours, plain):
    for found, expected in zip(ours, plain, strict=True):
        assert set(found) == set(expected)
        for key, value in expected.items():
            assert found[key] == pytest.approx(value, rel=1e-5), key


def data(rows=6):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 4)).astype("float32")
    return x, {"a": x[:, :1] + 1, "b": x[:, 1:2] - 1}


def dense_model(cls, between=(), dtype=None, regularizer=None):
    x = keras.Input((4,))
    h = keras.layers.Dense(3, name="trunk", dtype=dtype)(x)
    for make in between:
        h = make()(h)
    heads = {
        name: keras.layers.Dense(
            1, name=name, dtype=dtype, kernel_regularizer=regularizer
        )
        for name in "ab"
    }
    return cls(x, {name: head(h) for name, head in heads.items()})


LOSSES = {"a": "mse", "b": "mae"}


@pytest.mark.parametrize("options", METHODS, ids=IDS)
def test_trains_in_half_precision_and_skips_a_spoilt_step(options):
    x, y = data()
    for scale, moves in ((2.0**8, True), (2.0**40, False)):
        inner = keras.optimizers.SGD(0.1)
        scaled = keras.optimizers.LossScaleOptimizer(inner, scale)
        model = dense_model(MultiTaskModel, dtype="mixed_float16")
        compiled(model, LOSSES, scaled, **options)
        before = model.get_weights()
        logs = model.train_on_batch(x, y, return_dict=True)
        assert np.isfinite(logs["loss"])
        pairs = zip(model.trainable_variables, before, strict=False)
        for variable, old in pairs:
            new = keras.ops.convert_to_numpy(variable)
            assert np.isfinite(new).all()
            assert (new != old).any() == moves
        if "aggregator" in options:
            assert model.task_weights.dtype == "float32"
            found = keras.ops.convert_to_numpy(model.task_weights)
            expected = [0.5, 0.5] if moves else [np.nan, np.nan]
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("options", METHODS, ids=IDS)
def test_masks_and_sample_weights_count_as_in_a_plain_model(options):
    tokens = np.array([[3, 1, 0, 0], [2, 4, 1, 0]])
    y = {"a": np.ones((2, 4, 1)), "b": -np.ones((2, 4, 1))}
    rows = {"a": [[1.0], [3.0]], "b": [[2.0], [0.0]]}
    weights = {k: np.broadcast_to(v, (2, 4)) for k, v in rows.items()}
    found = []
    for cls in (MultiTaskModel, keras.Model):
        x = keras.Input((4,), dtype="int32")
        h = keras.layers.Embedding(5, 3, mask_zero=True)(x)
        model = cls(x, {k: keras.layers.Dense(1, name=k)(h) for k in "ab"})
        ours = options if cls is MultiTaskModel else {}
        compiled(model, LOSSES, **ours)
        found.append(logs_of(model, tokens, y, sample_weight=weights))
    check_same_logs(*found)


def test_heads_keep_their_regularisers_and_layers_their_state():
    x, y = data()
    names, found, logs = ("a", "b", "norm"), [], []
    for cls, options in (
        (MultiTaskModel, {"aggregator": "mgda"}),
        (keras.Model, {}),
    ):
        norm = keras.layers.BatchNormalization(name="norm")
        model = dense_model(cls, (lambda norm=norm: norm,), regularizer="l2")
        compiled(model, LOSSES, **options)
        logs.append(logs_of(model, x, y))
        # Of the normalization those that move, not those that are trained.
        weights = [model.get_layer(name).get_weights()[-2:] for name in names]
        found.append([w for of_layer in weights for w in of_layer])
    check_same_logs(*logs)
    for ours, expected in zip(*found, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_a_task_can_have_layers_and_inputs_of_its_own():
    x = keras.Input((4,))
    words = keras.Input((3,), dtype="int32")
    h = keras.layers.Dense(3)(x)
    own = keras.layers.Embedding(5, 3, name="words")(words)
    own = keras.layers.GlobalAveragePooling1D()(own)
    outputs = {
        "a": keras.layers.Dense(1, name="a")(h),
        "b": keras.layers.Dense(1, name="b")(keras.layers.Add()([h, own])),
    }
    arrays, y = data()
    ids = np.arange(18).reshape(6, 3) % 5
    found = []
    for cls, options in (
        (MultiTaskModel, {"aggregator": "nash_mtl"}),
        (keras.Model, {}),
    ):
        model = compiled(cls([x, words], outputs), LOSSES, **options)
        model.train_on_batch([arrays, ids], y)
        found.append(model.get_layer("words").get_weights()[0])
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-6)


@keras.saving.register_keras_serializable(package="test")
class Subclassed(TaskBalancing, keras.Model):
    """Outputs that are known when it is called."""

    def __init__(self):
        super().__init__()
        self.trunk = keras.layers.Dense(3, name="trunk")
        self.first = keras.layers.Dense(1)
        self.second = keras.layers.Dense(1)

    def call(self, inputs):
        h = self.trunk(inputs)
        return {"a": self.first(h), "b": self.second(h)}


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("method", ["uncertainty", "mgda"])
def test_a_model_with_a_call_of_its_own_derives_from_the_mixin(method, built):
    x, y = data()
    dense_model(MultiTaskModel)  # Keras exchanges the bases of this one.
    model = Subclassed()
    if built:
        model(x)
    options = {"loss_weights": method}
    if method == "mgda":
        options = {"aggregator": method, "shared": ["trunk"]}
    compiled(model, {"a": "mse", "b": "mse"}, **options)
    history = model.fit(x, y, epochs=3, validation_data=(x, y), verbose=0)
    losses = history.history["val_loss"]
    assert losses[-1] < losses[0]
    assert {"a_loss", "val_b_loss"} <= set(history.history)
    state = (
        model.task_weights
        if method == "mgda"
        else model.weighting.log_variances
    )
    assert (keras.ops.convert_to_numpy(state) != 0).any()


def test_can_be_compiled_again():
    x, y = data()
    model = dense_model(MultiTaskModel)
    methods = [{"loss_weights": "uncertainty"}, *METHODS, {}]
    for options in methods:
        compiled(model, LOSSES, **options)
        model.train_on_batch(x, y)
        assert (model.weighting is None) == ("loss_weights" not in options)
        assert (model.task_weights is None) == ("aggregator" not in options)


def test_a_weighting_can_be_given_to_compile_again():
    x, y = data()
    model = dense_model(MultiTaskModel)
    ours, other = multitask.Uncertainty(), multitask.Uncertainty()
    for weighting in (ours, other, ours):
        compiled(model, LOSSES, loss_weights=weighting)
        before = keras.ops.convert_to_numpy(weighting.log_variances)
        model.train_on_batch(x, y)
        after = keras.ops.convert_to_numpy(weighting.log_variances)
        assert (after != before).all()
        trained = [id(v) for v in model.trainable_variables]
        assert id(weighting.log_variances) in trained
        assert len(trained) == len(model.get_weights()) == 7


def test_finds_shared_layers_once(monkeypatch):
    x, y = data()
    model = dense_model(MultiTaskModel)
    found = []
    find = task_balancing.shared_variables
    monkeypatch.setattr(
        task_balancing,
        "shared_variables",
        lambda *given: found.append(given) or find(*given),
    )
    for _ in range(2):
        eagerly = {"run_eagerly": True, "jit_compile": False}
        compiled(model, LOSSES, aggregator="mgda", **eagerly)
        for _ in range(3):
            model.train_on_batch(x, y)
    assert len(found) == 2


@pytest.mark.parametrize("options", METHODS, ids=IDS)
def test_lets_go_of_what_a_step_has_computed(options):
    x, y = data()
    model = dense_model(MultiTaskModel)
    compiled(model, LOSSES, **options)
    model.train_on_batch(x, y)
    model.test_on_batch(x, y)
    assert not model.notes.values
    assert not model.task_losses


@pytest.mark.parametrize(
    ("loss", "sizes", "labels"),
    [
        ("mse", (5, 1), (5,)),
        ("mse", (), (1,)),
        ("crossentropy", (5, 1), (5,)),
        ("crossentropy", (3,), ()),
        ("ce", (3,), (3,)),
    ],
)
def test_labels_and_names_of_losses_are_those_of_a_plain_model(
    loss, sizes, labels
):
    rng = np.random.default_rng(0)
    x = rng.random((4, *sizes)).astype("float32")
    y = {k: rng.integers(0, 2, (4, *labels)) for k in "ab"}
    weights = {k: np.arange(4.0) + (k == "b") for k in "ab"}
    found = []
    for cls, options in ((MultiTaskModel, METHODS[0]), (keras.Model, {})):
        inputs = keras.Input(sizes)
        outputs = {k: keras.layers.Activation("sigmoid")(inputs) for k in "ab"}
        model = cls(inputs, outputs)
        model.compile("sgd", dict.fromkeys("ab", loss), **options)
        logs = model.test_on_batch(x, y, weights, return_dict=True)
        found.append([logs])
    check_same_logs(*found)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_an_output_can_do_without_a_loss():
    x, y = data()
    for options in METHODS:
        model = dense_model(MultiTaskModel)
        compiled(model, {"a": "mse", "b": None}, **options)
        before = model.get_layer("b").get_weights()[0]
        model.train_on_batch(x, {"a": y["a"]})
        after = model.get_layer("b").get_weights()[0]
        np.testing.assert_array_equal(after, before)


def test_runs_eagerly():
    x, y = data()
    model = dense_model(MultiTaskModel)
    compiled(
        model, LOSSES, aggregator="mgda", run_eagerly=True, jit_compile=False
    )
    model.train_on_batch(x, y)
    found = keras.ops.convert_to_numpy(model.task_weights)
    assert found.sum() == pytest.approx(1.0)
