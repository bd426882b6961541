"""Files that were cut or altered are refused, and none can run code."""

import ast
import os
import pickle
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_tricks import samplers
from keras_tricks import thresholds

PACKAGE = Path(__file__).parents[2] / "keras_tricks"


def trie(path):
    samplers.Trie([[2, 3], [4]], values=["near", "far"]).save(path)
    return samplers.Trie.load


def threshold(path):
    thresholds.Threshold(0.25, "f1", 0.5).save(path)
    return thresholds.Threshold.load


def class_weights(path):
    thresholds.ClassWeights((1.0, 2.5)).save(path)
    return thresholds.ClassWeights.load


FILES = (trie, threshold, class_weights)


def refused(load, path):
    """Whether loading raises an error that names the file's argument."""
    try:
        load(path)
    except ValueError as error:
        return "`path` must be" in str(error)
    return False


@pytest.mark.parametrize("write", FILES)
def test_a_file_that_was_cut_is_refused(write, tmp_path):
    path = tmp_path / "file"
    load = write(path)
    whole = path.read_bytes()
    step = max(1, len(whole) // 50)
    for size in [*range(0, len(whole) - 2, step), len(whole) - 2]:
        path.write_bytes(whole[:size])
        assert refused(load, path), size


@pytest.mark.parametrize("write", FILES)
def test_an_altered_byte_is_refused_or_says_the_same(write, tmp_path):
    """Some bytes of a file, such as blanks and dates, mean nothing."""
    path = tmp_path / "file"
    load = write(path)
    whole = path.read_bytes()
    expected = load(path).get_config()
    rng = np.random.default_rng(0)
    refusals = 0
    for place in rng.permutation(len(whole))[:200]:
        altered = bytearray(whole)
        altered[place] ^= 1 << rng.integers(8)
        path.write_bytes(altered)
        if refused(load, path):
            refusals += 1
        else:
            assert load(path).get_config() == expected, place
    assert refusals > 50


class Harmful:
    """Makes a folder where it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("write", FILES)
def test_a_pickle_is_refused_and_not_run(write, tmp_path):
    path, folder = tmp_path / "file", tmp_path / "harm"
    load = write(path)
    path.write_bytes(pickle.dumps(Harmful(folder)))
    assert refused(load, path)
    with path.open("wb") as file:
        np.savez(file, tokens=np.array([Harmful(folder)], dtype=object))
    assert refused(load, path)
    assert not folder.exists()


def test_a_model_with_code_in_it_is_refused(tmp_path):
    path = tmp_path / "model.keras"
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Lambda(lambda x: x * 2)]
    )
    model.save(path)
    with pytest.raises(ValueError, match="safe_mode"):
        keras.saving.load_model(path)


def test_nothing_in_the_package_loads_code():
    forbidden = {"pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
    calls = {"eval", "exec", "compile", "__import__"}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert not forbidden & {a.name for a in node.names}, path
            elif isinstance(node, ast.ImportFrom):
                assert node.module not in forbidden, path
            elif isinstance(node, ast.Call):
                assert getattr(node.func, "id", "") not in calls, path
                for keyword in node.keywords:
                    value = getattr(keyword.value, "value", None)
                    assert (keyword.arg, value) != ("allow_pickle", True), path
                    assert (keyword.arg, value) != ("safe_mode", False), path
                if getattr(node.func, "attr", "") == "load" and (
                    getattr(node.func.value, "id", "") == "np"
                ):
                    named = {k.arg for k in node.keywords}
                    assert "allow_pickle" in named, path
