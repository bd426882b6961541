"""TaskWeights."""

import keras
import numpy as np
import pytest

from keras_tricks.callbacks import TaskWeights
from keras_tricks.layers import GradientAggregation
from keras_tricks.models import MultiTaskModel


def make(tasks, track=True):
    inputs = keras.Input((3,))
    h = keras.layers.Dense(4)(inputs)
    copies = GradientAggregation(tasks, track=track, name="meet")(h)
    copies = copies if isinstance(copies, list) else list(copies.values())
    outputs = [keras.layers.Dense(1)(copy) for copy in copies]
    model = keras.Model(inputs, outputs)
    model.compile("sgd", ["mse"] * len(outputs))
    return model


def fit(model, sample_weight=None):
    x = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
    history = model.fit(
        x,
        [x[:, :1], x[:, 1:2]],
        sample_weight=sample_weight,
        epochs=2,
        callbacks=[TaskWeights()],
        verbose=0,
    )
    return history.history


@pytest.mark.parametrize("tasks", [2, ["a", "b"]])
def test_logs_what_the_layer_found(tasks):
    model = make(tasks)
    history = fit(model)
    layer = model.get_layer("meet")
    weights = keras.ops.convert_to_numpy(layer.task_weights)
    names = [0, 1] if tasks == 2 else tasks
    for name, weight in zip(names, weights, strict=True):
        assert history[f"meet_{name}"][-1] == pytest.approx(weight)
    cosines = keras.ops.convert_to_numpy(layer.task_cosines)
    assert history["meet_cosine"][-1] == pytest.approx(cosines[0, 1])
    assert len(history["meet_cosine"]) == 2


def test_logs_the_least_cosine_of_a_model_within():
    inputs = keras.Input((3,))
    copies = GradientAggregation(3, track=True, name="meet")(inputs * 1.0)
    split = keras.Model(inputs, copies, name="split")
    outer = keras.Input((3,))
    shared = keras.layers.Dense(3)(outer)
    outputs = [keras.layers.Dense(1)(copy) for copy in split(shared)]
    model = keras.Model(outer, outputs)
    model.compile("sgd", ["mse"] * 3)
    x = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
    y = [x[:, :1], x[:, 1:2], -x[:, :1]]
    logs = model.fit(x, y, callbacks=[TaskWeights()], verbose=0).history
    cosines = keras.ops.convert_to_numpy(split.get_layer("meet").task_cosines)
    between = cosines[np.triu_indices(3, 1)]
    assert between.max() > between.min()
    assert logs["meet_cosine"] == [pytest.approx(between.min())]


def test_logs_what_the_model_found():
    inputs = keras.Input((3,))
    h = keras.layers.Dense(4)(inputs)
    outputs = {k: keras.layers.Dense(1, name=k)(h) for k in ("b", "a")}
    model = MultiTaskModel(inputs, outputs, name="both")
    model.compile("sgd", {"b": "mse", "a": "mse"}, aggregator="mgda")
    x = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
    y = {"a": 100 * x[:, :1], "b": x[:, 1:2]}
    callbacks = [TaskWeights()]
    logs = model.fit(x, y, epochs=2, callbacks=callbacks, verbose=0).history
    weights = keras.ops.convert_to_numpy(model.task_weights)
    assert model.task_names == ["a", "b"]
    assert weights[0] < weights[1]
    assert [logs["both_a"][-1], logs["both_b"][-1]] == pytest.approx(weights)


def test_warns_where_each_sample_has_one_label():
    first = np.array([1, 1, 1, 0, 0, 0], "float32")
    with pytest.warns(UserWarning, match="no entry in common"):
        fit(make(2), [first, 1 - first])


def test_needs_a_layer_that_tracks():
    with pytest.raises(ValueError, match="track=True"):
        fit(make(2, track=False))
