"""Threshold and ClassWeights: prediction, configuration, files."""

import json

import keras
import numpy as np
import pytest

from keras_tricks.thresholds import ClassWeights
from keras_tricks.thresholds import Threshold
from tests.checks.configs import check_config

RULES = pytest.mark.parametrize(
    "rule",
    [
        Threshold(0.1, "f1", 0.3),
        Threshold(np.inf),
        Threshold(-np.inf, "accuracy", 1),
        Threshold(5e-324),
        ClassWeights([0.1, 1e300, 1 / 3], "accuracy", 1 / 7),
        ClassWeights((1, 2)),
    ],
    ids=str,
)


@RULES
def test_keeps_the_contract_of_configurations(rule):
    init = {**vars(rule)}
    if isinstance(rule, Threshold) and np.isinf(rule.threshold):
        config = json.loads(json.dumps(rule.get_config(), allow_nan=False))
        assert Threshold.from_config(config) == rule
    else:
        check_config(type(rule), init)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(rule)
    )
    assert again == rule


@RULES
def test_is_read_as_it_was_saved(rule, tmp_path):
    path = tmp_path / "rule.json"
    rule.save(path)
    again = type(rule).load(str(path))
    assert again == rule
    assert type(again) is type(rule)
    json.loads(path.read_text(), parse_constant=pytest.fail)


@RULES
def test_refuses_a_file_that_was_truncated(rule, tmp_path):
    path = tmp_path / "rule.json"
    rule.save(path)
    content = path.read_bytes()
    for size in range(0, len(content) - 1, 7):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match=r"save` wrote.*rule\.json"):
            type(rule).load(path)


def test_refuses_a_file_that_was_altered(tmp_path):
    path = tmp_path / "rule.json"
    Threshold(0.25, "f1", 0.5).save(path)
    content = path.read_bytes()
    altered = [
        content.replace(b"0.25", b"0.26"),
        content.replace(b'"f1"', b'"accuracy"'),
        content.replace(b'"threshold"', b'"weights"'),
        content.replace(b'"Threshold"', b'"ClassWeights"'),
        content.replace(b'"config"', b'"konfig"'),
        b"\x80\x04\x95",  # The start of a pickle.
        b"[]",
        b"[" * 100_000,
        b"\xff\xfe",
    ]
    for wrong in altered:
        path.write_bytes(wrong)
        with pytest.raises(ValueError, match="truncated or altered"):
            Threshold.load(path)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"`ClassWeights.save` wrote"):
        ClassWeights.load(path)
    with pytest.raises(FileNotFoundError):
        Threshold.load(tmp_path / "none.json")


def test_positive_is_above_the_threshold():
    scores = np.array([[0.4, 0.5], [np.nextafter(0.5, 1), 0.6]])
    expected = [[False, False], [True, True]]
    assert Threshold(0.5).predict(scores).tolist() == expected
    tensor = keras.ops.convert_to_tensor(scores)
    expected = [[False, True], [True, True]]
    assert Threshold(0.45).predict(tensor).tolist() == expected
    # 0.1 is above 0.1 as float32, and below its neighbour there.
    assert Threshold(0.1).predict(np.float32([0.1])).tolist() == [True]
    assert Threshold(-np.inf).predict([-1e300]).tolist() == [True]
    assert Threshold(np.inf).predict(1e300).tolist() is False
    assert Threshold(0.0).predict([]).shape == (0,)


def test_classes_are_the_weightiest():
    p = np.array([[[0.5, 0.3, 0.2]], [[0.1, 0.2, 0.7]]])
    assert ClassWeights([1, 1, 1]).predict(p).tolist() == [[0], [2]]
    assert ClassWeights([1, 2, 0.1]).predict(p).tolist() == [[1], [1]]
    tensor = keras.ops.convert_to_tensor(p, "float32")
    assert ClassWeights([1, 2, 3]).predict(tensor).shape == (2, 1)
    assert ClassWeights([1, 2]).predict([[2, 1]]).tolist() == [0]  # A tie


def test_names_the_bad_argument():
    for bad in (np.nan, "0.5", None, True, [0.5]):
        with pytest.raises(ValueError, match="`threshold` must be a number"):
            Threshold(bad)
    with pytest.raises(ValueError, match="metric='auc'"):
        Threshold(0.5, "auc")
    for bad in (-0.1, 1.1, np.nan, "1"):
        with pytest.raises(ValueError, match="score="):
            Threshold(0.5, score=bad)
        with pytest.raises(ValueError, match="score="):
            ClassWeights([1, 1], score=bad)
    for weights in ([1], [], [1, 0], [1, -1], [1, np.inf], [1, "a"]):
        with pytest.raises(ValueError, match="weights="):
            ClassWeights(weights)
    with pytest.raises(ValueError, match="scores with 1 of 2 values"):
        Threshold(0.5).predict([0.5, np.nan])
    with pytest.raises(ValueError, match=r"of shape \(2,\)"):
        ClassWeights([1, 1, 1]).predict([0.5, 0.5])
    with pytest.raises(ValueError, match=r"of shape \(\)"):
        ClassWeights([1, 1]).predict(0.5)
    with pytest.raises(ValueError, match="at least 0"):
        ClassWeights([1, 1]).predict([-0.5, 0.5])
    with pytest.raises(ValueError, match="must be finite"):
        ClassWeights([1, 1]).predict([np.nan, 0.5])
