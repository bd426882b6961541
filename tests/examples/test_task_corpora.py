"""Data with two tasks, and the landscape of two losses."""

import gzip
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = str(Path(__file__).parent.parent.parent / "examples")


@pytest.fixture(scope="module")
def two_tasks():
    sys.path.insert(0, EXAMPLES)
    yield importlib.import_module("corpora.two_tasks")
    sys.path.remove(EXAMPLES)


def test_a_picture_has_both_digits(two_tasks):
    tasks = two_tasks.load_tasks("digits", limit=30)
    (x, y), (x_test, y_test) = tasks.train, tasks.test
    assert x.shape == (30, 12, 12, 1)
    assert len(x_test) == len(y_test["right"]) == 10
    assert tasks.classes == {"left": 10, "right": 10}
    (images, digits), _ = two_tasks.small_digits()
    for picture, left, right in zip(x, y["left"], y["right"], strict=True):
        corner = [picture[:4, :8, 0], picture[4:, 8:, 0]]
        seen = [
            set(digits[(images[:, :4] == corner[0]).all(axis=(1, 2))]),
            set(digits[(images[:, :, 4:] == corner[1]).all(axis=(1, 2))]),
        ]
        assert left in seen[0]
        assert right in seen[1]


def test_reads_mnist(two_tasks, tmp_path):
    rng = np.random.default_rng(0)
    for part in ("train", "t10k"):
        images = rng.integers(0, 256, (5, 28, 28)).astype("uint8")
        labels = np.arange(5, dtype="uint8")
        for kind, offset, array in (
            ("images-idx3", 16, images),
            ("labels-idx1", 8, labels),
        ):
            path = tmp_path / f"{part}-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(bytes(offset) + array.tobytes()))
    (found, digits), _ = two_tasks.mnist(tmp_path)
    assert found.shape == (5, 28, 28)
    assert 0.9 < found.max() <= 1
    np.testing.assert_array_equal(digits, np.arange(5))
    x, _ = two_tasks.load_tasks(f"mnist:{tmp_path}", limit=6).train
    assert x.shape == (6, 36, 36, 1)


def test_reads_adult(two_tasks, tmp_path):
    line = (
        "{age}, Private, 77516, Bachelors, 13, {married}, Sales, Husband, "
        "White, Male, 0, 0, 40, Cuba, {income}\n"
    )
    lines = line.format(age=30, married="Never-married", income="<=50K")
    lines += line.format(age=50, married="Divorced", income=">50K")
    (tmp_path / "adult.data").write_text(lines)
    (tmp_path / "adult.test").write_text("|1x3\n" + lines.replace("K", "K."))
    tasks = two_tasks.load_tasks(f"adult:{tmp_path}")
    for x, y in (tasks.train, tasks.test):
        np.testing.assert_array_equal(y["income"], [0, 1])
        np.testing.assert_array_equal(y["married"], [0, 1])
        # Five numbers, then a flag for each of the words, all the same.
        assert x.shape == (2, 5 + 6)
        np.testing.assert_allclose(x[:, 0], [-1, 1], rtol=1e-5)
        np.testing.assert_array_equal(x[:, 5:], 1)


def test_names_unknown_data(two_tasks):
    with pytest.raises(ValueError, match="The data must be"):
        two_tasks.load_tasks("nothing")


def test_the_landscape_is_that_of_its_formula():
    sys.path.insert(0, EXAMPLES)
    toy = importlib.import_module("toy_landscape")
    sys.path.remove(EXAMPLES)
    # Far down only the bowls count, far up only the valleys.
    bowls = toy.losses(np.array([7.0, -8.0]))
    expected = np.tanh(4) * np.array([-20, -20 + 14**2 / 10])
    np.testing.assert_allclose(bowls, expected, rtol=1e-6)
    expected = [np.log(np.abs(-7 + 1)) + 6, np.log(np.abs(-2 + 1 + 2)) + 6]
    np.testing.assert_allclose(
        toy.losses(np.array([7.0, 20.0])), expected, rtol=1e-6
    )
    point = np.array([1.0, -2.0])
    found = toy.gradients(point, factor=0.1)
    step = 1e-4
    for axis in range(2):
        moved = point + step * np.eye(2)[axis]
        slope = (toy.losses(moved, 0.1) - toy.losses(point, 0.1)) / step
        np.testing.assert_allclose(found[:, axis], slope, rtol=1e-3, atol=1e-3)


def test_improvement_is_the_mean_of_the_relative_gains():
    sys.path.insert(0, EXAMPLES)
    show = importlib.import_module("show_tasks")
    strategies = importlib.import_module("multi_task_strategies")
    sys.path.remove(EXAMPLES)
    single = strategies.Result({"a": [40, 60], "b": [80, 80]}, 0.0, [])
    both = strategies.Result({"a": [60, 50], "b": [60, 84]}, 0.0, [])
    found = show.improvement(both, single)
    np.testing.assert_allclose(found, [(20 - 25) / 2, (0 + 5) / 2])
    shares = show.by_epoch(np.array([[1, 3], [3, 1], [0, 2], [0, 8.0]]), 2)
    np.testing.assert_allclose(shares, [[0.5, 0.5], [0, 1]])
