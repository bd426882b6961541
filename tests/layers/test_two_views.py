"""TwoViews."""

import json

import keras
import numpy as np
import pytest

from keras_tricks.layers import TwoViews
from keras_tricks.losses import RDrop
from keras_tricks.losses import SimCSE
from tests.checks.steps import check_training


def encoder_of(rate=0.5, units=3):
    return keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dropout(rate),
            keras.layers.Dense(units),
        ]
    )


def inputs(rows=4):
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 8)).astype("float32")


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def test_its_configuration_rebuilds_it():
    layer = TwoViews(keras.layers.Dropout(0.3), name="views")
    config = json.loads(json.dumps(layer.get_config()))
    again = TwoViews.from_config(config)
    assert again.get_config() == layer.get_config()
    assert again.layer.rate == 0.3


def test_a_saved_model_gives_the_same(tmp_path):
    x = keras.Input((8,))
    model = keras.Model(x, TwoViews(encoder_of())(x))
    expected = model.predict(inputs(), verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict(inputs(), verbose=0), expected, rtol=1e-6
    )


@pytest.mark.parametrize("rows", [1, 4])
def test_without_dropout_at_inference_the_view_is_given_twice(rows):
    encoder = encoder_of()
    found = numpy(TwoViews(encoder)(inputs(rows)))
    expected = numpy(encoder(inputs(rows)))
    assert found.shape == (rows, 2, 3)
    for view in (0, 1):
        np.testing.assert_allclose(found[:, view], expected, rtol=1e-6)


def test_in_training_the_views_of_a_row_are_its_own_and_differ():
    layer = TwoViews(keras.layers.Dropout(0.5))
    x = np.arange(1, 401, dtype="float32").reshape(4, 100)
    views = numpy(layer(x, training=True))
    assert views.shape == (4, 2, 100)
    kept = views != 0
    assert (kept[:, 0] != kept[:, 1]).any(axis=-1).all()
    expected = np.broadcast_to(2 * x[:, None], views.shape)
    np.testing.assert_allclose(views[kept], expected[kept], rtol=1e-6)


class Counting(keras.layers.Layer):
    """Counts its calls, and the rows they had."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.rows = []

    def call(self, x):
        self.rows.append(x.shape[0])
        return x


def test_calls_the_layer_once():
    layer = TwoViews(Counting())
    layer(inputs())
    layer(inputs(), training=True)
    assert layer.layer.rows == [4, 8]


class TokenMean(keras.layers.Layer):
    """Means of embeddings over the tokens of a mask, two inputs."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs, previous_mask=None):
        return None

    def call(self, inputs, mask=None, training=None):
        kept = keras.ops.cast(mask["a"], "float32")[..., None]
        total = keras.ops.sum(inputs["a"] * kept, axis=1)
        return {
            "mean": total / keras.ops.sum(kept, axis=1),
            "plain": inputs["b"],
        }


def test_takes_structures_and_doubles_their_masks():
    rng = np.random.default_rng(0)
    ids = np.array([[1, 2, 0], [3, 0, 0]])
    features = keras.layers.Embedding(5, 4, mask_zero=True)(ids)
    # An inner layer sees a mask for each of its inputs.
    x = {"a": features, "b": rng.normal(size=(2, 6)).astype("float32")}
    mask = {"a": keras.ops.convert_to_tensor(ids != 0), "b": None}
    layer = TwoViews(TokenMean())
    for training in (False, True):
        found = layer(x, mask=mask, training=training)
        values = numpy(features)
        means = [values[0, :2].mean(axis=0), values[1, 0]]
        for view in (0, 1):
            np.testing.assert_allclose(
                numpy(found["mean"])[:, view], means, rtol=1e-5
            )
            np.testing.assert_allclose(numpy(found["plain"])[:, view], x["b"])


def test_symbolic_shapes_keep_what_is_known():
    for batch in (None, 4):
        x = keras.Input((8,), batch_size=batch)
        assert TwoViews(encoder_of())(x).shape == (batch, 2, 3)


def test_a_mask_of_the_input_does_not_pass_through():
    x = keras.Input((5,), dtype="int32")
    features = keras.layers.Embedding(9, 4, mask_zero=True)(x)
    views = TwoViews(keras.layers.Dropout(0.5))(features)
    assert getattr(views, "_keras_mask", None) is None


@pytest.mark.parametrize(
    ("loss", "labels"),
    [(SimCSE(), np.zeros(4, "float32")), (RDrop(), np.array([0, 1, 2, 0]))],
)
def test_trains_in_plain_fit(loss, labels):
    def make(jit_compile):
        x = keras.Input((8,))
        model = keras.Model(x, TwoViews(encoder_of(rate=0.0))(x))
        model.compile("sgd", loss, jit_compile=jit_compile)
        return model

    check_training(make, inputs(), labels, TwoViews)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_keeps_the_dtype_of_the_layer(policy):
    layer = TwoViews(keras.layers.Dense(3, dtype=policy), dtype=policy)
    for training in (False, True):
        views = layer(inputs(), training=training)
        dtype = keras.backend.standardize_dtype(views.dtype)
        assert dtype == layer.compute_dtype
        assert np.isfinite(numpy(keras.ops.cast(views, "float32"))).all()


def test_refuses_what_is_no_layer():
    with pytest.raises(ValueError, match="`layer` must be a Keras layer"):
        TwoViews(lambda x: x)
