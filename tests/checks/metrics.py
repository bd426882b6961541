"""What every metric of the library keeps to."""

import keras
import numpy as np

from tests.checks.configs import check_config
from tests.checks.steps import compile_modes
from tests.checks.steps import counted_calls


def check_metric(cls, init, y_true, y_pred):
    """The contract of a metric that counts over an epoch.

    Args:
        cls: The metric's class.
        init: Its constructor's arguments.
        y_true: Array of labels of a batch of at least two.
        y_pred: Float32 array of scores of that batch.
    """
    check_config(cls, init)
    whole, parts = cls(**init), cls(**init)
    whole.update_state(y_true, y_pred)
    for row in range(len(y_pred)):
        parts.update_state(y_true[row : row + 1], y_pred[row : row + 1])
    expected = numbers(whole.result())
    assert_same(numbers(parts.result()), expected)
    whole.reset_state()
    assert all((np.array(v) == 0).all() for v in whole.variables)
    whole.update_state(y_true, y_pred)
    assert_same(numbers(whole.result()), expected)
    for jit_compile in compile_modes():
        check_in_evaluate(cls, init, y_true, y_pred, jit_compile)


def check_in_evaluate(cls, init, y_true, y_pred, jit_compile):
    """`evaluate` over several batches equals one update, traced once."""
    metric = cls(**init)
    metric.update_state(y_true, y_pred)
    expected = numbers(metric.result())
    x = keras.Input(y_pred.shape[1:])
    model = keras.Model(x, keras.layers.Identity()(x))
    model.compile(
        "sgd", zero_loss, metrics=[cls(**init)], jit_compile=jit_compile
    )
    with counted_calls(cls, "update_state") as calls:
        logs = model.evaluate(
            y_pred, y_true, batch_size=1, return_dict=True, verbose=0
        )
        first = len(calls)
        model.evaluate(y_pred, y_true, batch_size=1, verbose=0)
    if jit_compile or keras.config.backend() == "tensorflow":
        assert len(calls) == first, "traced again in a second epoch"
    # A result that is no dict is shown under the metric's name.
    shown = {key: metric.name if key == "value" else key for key in expected}
    found = {key: np.array(logs[shown[key]]) for key in expected}
    assert_same(found, expected)


def zero_loss(y_true, y_pred):
    return 0.0 * keras.ops.sum(y_pred, axis=tuple(range(1, len(y_pred.shape))))


def numbers(result):
    result = result if isinstance(result, dict) else {"value": result}
    return {k: keras.ops.convert_to_numpy(v) for k, v in result.items()}


def assert_same(found, expected):
    assert set(found) == set(expected)
    for key in expected:
        np.testing.assert_allclose(found[key], expected[key], rtol=1e-6)
