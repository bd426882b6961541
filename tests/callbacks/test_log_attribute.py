"""LogAttribute."""

import json

import keras
import numpy as np
import pytest

from keras_tricks.callbacks import LogAttribute
from keras_tricks.optimizers import MetaStepSize

X = np.ones((4, 3), "float32")
Y = np.ones((4, 1), "float32")


def history(*callbacks, dtype=None, epochs=2):
    layer = keras.layers.Dense(1, dtype=dtype)
    model = keras.Sequential([keras.Input((3,)), layer])
    optimizer = MetaStepSize(keras.optimizers.SGD(0.01), initial_scale=0.5)
    if dtype == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, 2.0)
    model.compile(optimizer, "mse")
    layer.weights_of_tasks = keras.ops.convert_to_tensor([0.25, 0.75])
    fitted = model.fit(
        X, Y, epochs=epochs, verbose=0, callbacks=list(callbacks)
    )
    return fitted.history, model


def test_follows_a_number_through_the_epochs():
    logs, model = history(LogAttribute("optimizer.effective_learning_rate"))
    first, last = logs["effective_learning_rate"]
    assert first == pytest.approx(0.005)
    assert last > first
    rate = model.optimizer.effective_learning_rate
    assert last == float(keras.ops.convert_to_numpy(rate))


def test_logs_each_entry_of_a_vector_under_its_name():
    logs, _ = history(
        LogAttribute("layers.0.weights_of_tasks", name="task"), epochs=1
    )
    assert (logs["task_0"], logs["task_1"]) == ([0.25], [0.75])


def test_looks_through_loss_scaling():
    callbacks = [
        LogAttribute("optimizer.effective_learning_rate", name="rate"),
        LogAttribute("optimizer.dynamic_scale"),
    ]
    logs, _ = history(*callbacks, dtype="mixed_float16", epochs=1)
    assert logs["rate"] == [pytest.approx(0.005)]
    assert logs["dynamic_scale"] == [2.0]


def test_writes_into_the_logs_that_later_callbacks_see(tmp_path):
    path = tmp_path / "log.csv"
    history(
        LogAttribute("optimizer.effective_learning_rate", name="rate"),
        keras.callbacks.CSVLogger(str(path)),
        epochs=1,
    )
    assert "rate" in path.read_text().splitlines()[0]


def test_round_trips_its_configuration():
    callback = LogAttribute("optimizer.learning_rate", name="rate")
    config = keras.saving.serialize_keras_object(callback)
    again = keras.saving.deserialize_keras_object(
        json.loads(json.dumps(config))
    )
    assert (again.path, again.name) == ("optimizer.learning_rate", "rate")


@pytest.mark.parametrize("path", ["", ".", "optimizer.", "a..b"])
def test_names_a_bad_path(path):
    with pytest.raises(ValueError, match="Received: path="):
        LogAttribute(path)


def test_names_what_is_not_there_or_no_number():
    with pytest.raises(AttributeError, match="nothing"):
        history(LogAttribute("optimizer.nothing"))
    with pytest.raises(ValueError, match=r"shape \(3, 1\)"):
        history(LogAttribute("layers.0.kernel"))
