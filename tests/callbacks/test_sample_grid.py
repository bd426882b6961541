"""SampleGrid."""

import struct
import zlib
from xml.etree import ElementTree

import keras
import numpy as np
import pytest

from keras_tricks.callbacks import SampleGrid
from keras_tricks.callbacks._curves import svg
from keras_tricks.models import GAN
from tests.checks.configs import check_config


def read_png(path):
    """The bytes of a picture that `png` wrote, read again."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, body = 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind = data[at + 4 : at + 8]
        part = data[at + 8 : at + 8 + length]
        (check,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert check == zlib.crc32(kind + part)
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", part[:10])
        elif kind == b"IDAT":
            body += part
        at += 12 + length
    assert depth == 8
    lines = np.frombuffer(zlib.decompress(body), "uint8")
    lines = lines.reshape(height, -1)
    assert (lines[:, 0] == 0).all()
    return lines[:, 1:].reshape(height, width, {0: 1, 2: 3}[colour])


@pytest.mark.parametrize("channels", [1, 3])
def test_puts_samples_row_by_row(tmp_path, channels):
    rng = np.random.default_rng(0)
    samples = rng.uniform(0, 2, (4, 3, 5, channels))
    SampleGrid(tmp_path, size=2, value_range=(0, 1)).write("a.png", samples)
    expected = np.round(np.clip(samples, 0, 1) * 255)
    rows = [np.concatenate(expected[i : i + 2], axis=1) for i in (0, 2)]
    found = read_png(tmp_path / "a.png")
    np.testing.assert_array_equal(found, np.concatenate(rows, axis=0))


def test_draws_every_few_epochs_and_the_last(tmp_path):
    layers = keras.layers
    generator = keras.Sequential(
        [layers.Dense(12, activation="tanh"), layers.Reshape((3, 4, 1))]
    )
    critic = keras.Sequential([layers.Flatten(), layers.Dense(1)])
    gan = GAN(generator, critic, 2)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    grid = SampleGrid(tmp_path / "new", every=2, size=2)
    x = np.zeros((4, 3, 4, 1), "float32")
    gan.fit(x, epochs=5, callbacks=[grid], verbose=0)
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    pictures = ["epoch_0002.png", "epoch_0004.png", "epoch_0005.png"]
    assert names == ["curves.svg", *pictures]
    samples = gan.generate(4, seed=0)
    SampleGrid(tmp_path, size=2).write("now.png", samples)
    last = read_png(tmp_path / "new" / "epoch_0005.png")
    np.testing.assert_array_equal(last, read_png(tmp_path / "now.png"))
    curves = tmp_path / "new" / "curves.svg"
    assert ">epoch 1<" in curves.read_text("utf-8")
    gan.fit(x, initial_epoch=6, epochs=7, callbacks=[grid], verbose=0)
    assert ">epoch 7<" in curves.read_text("utf-8")


def test_draws_samples_that_are_not_finite(tmp_path):
    samples = np.array([np.nan, np.inf, -np.inf, 0.0]).reshape(4, 1, 1, 1)
    SampleGrid(tmp_path, size=2).write("a.png", samples)
    found = read_png(tmp_path / "a.png")[..., 0]
    np.testing.assert_array_equal(found, [[0, 255], [0, 128]])


def test_counts_epochs_from_the_first_of_this_fit():
    assert ">epoch 6<" in svg({"loss": [3.0, 2.0, 1.0]}, first=6)
    assert ">epoch 8<" in svg({"loss": [3.0, 2.0, 1.0]}, first=6)


def test_draws_what_fit_logs_over_the_epochs():
    nan = float("nan")
    root = ElementTree.fromstring(
        svg({"a & b": [0.0, 1.0, 4.0], "c": [2, nan]})
    )
    lines = [e for e in root.iter() if e.tag.endswith("polyline")]
    points = [
        [tuple(map(float, point.split(","))) for point in line]
        for line in (line.get("points").split() for line in lines)
    ]
    assert [len(line) for line in points] == [3, 1]
    (left, bottom), (middle, quarter), (right, top) = points[0]
    assert middle == pytest.approx((left + right) / 2)
    assert quarter == pytest.approx(bottom + (top - bottom) / 4)
    assert bottom > top
    assert points[1][0] == (left, pytest.approx((bottom + top) / 2))
    words = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert {"0", "4", "epoch 1", "epoch 3", "a & b", "c"} == set(words)
    ElementTree.fromstring(svg({}))


def test_names_the_bad_argument(tmp_path):
    check_config(SampleGrid, {"folder": str(tmp_path), "every": 3, "seed": 1})
    with pytest.raises(ValueError, match="every=0"):
        SampleGrid(tmp_path, every=0)
    with pytest.raises(ValueError, match="size=0"):
        SampleGrid(tmp_path, size=0)
    with pytest.raises(ValueError, match="value_range"):
        SampleGrid(tmp_path, value_range=(1, 0))
    with pytest.raises(ValueError, match="must be images"):
        SampleGrid(tmp_path).write("a.png", np.zeros((64, 2)))
    with pytest.raises(ValueError, match=r"must be 64.*\(9, 2, 2, 1\)"):
        SampleGrid(tmp_path).write("a.png", np.zeros((9, 2, 2, 1)))
