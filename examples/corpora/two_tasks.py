"""Data in which every sample has the labels of two tasks."""

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Tasks(NamedTuple):
    """Arrays to train on and to test, and how many classes each task has.

    `train` and `test` are pairs of inputs and a dict of labels by task.
    """

    train: tuple
    test: tuple
    classes: dict
    note: str


def load_tasks(name, limit=None):
    """`digits`, `mnist:FOLDER` or `adult:FOLDER`; at most `limit` to train on.

    The folders hold the original files, packed with gzip or not.
    """
    kind, _, folder = name.partition(":")
    if kind == "adult":
        return adult(Path(folder), limit)
    if kind == "mnist":
        train, test = mnist(Path(folder))
        return two_digits(train, test, limit or 20_000, shift=8)
    if kind == "digits":
        return two_digits(*small_digits(), limit or 3_000, shift=4)
    raise ValueError(
        "The data must be digits, mnist:FOLDER or adult:FOLDER. "
        f"Received: {name!r}"
    )


def two_digits(train, test, count, shift):
    """Pictures of two digits, one further right and down, that overlap."""
    sides = ("left", "right")
    return Tasks(
        overlaid(*train, count, shift, seed=0),
        overlaid(*test, max(count // 3, 1), shift, seed=1),
        dict.fromkeys(sides, 10),
        "two digits in one picture",
    )


def overlaid(images, digits, count, shift, seed):
    """Inputs `(count, side, side, 1)` and the digits of both tasks."""
    rng = np.random.default_rng(seed)
    left, right = rng.integers(0, len(images), (2, count))
    side = images.shape[1]
    canvas = np.zeros((count, side + shift, side + shift, 1), "float32")
    canvas[:, :side, :side, 0] = images[left]
    lower = canvas[:, shift:, shift:, 0]
    np.maximum(lower, images[right], out=lower)
    return canvas, {"left": digits[left], "right": digits[right]}


def small_digits():
    """scikit-learn's digits of 8 × 8, three quarters of them to train on."""
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    images = (images[order] / 16).astype("float32").reshape(-1, 8, 8)
    digits, cut = digits[order], 3 * len(images) // 4
    return (images[:cut], digits[:cut]), (images[cut:], digits[cut:])


def mnist(folder):
    """Images in [0, 1] and digits of the training and the test set."""

    def array(name, offset):
        return np.frombuffer(
            read(folder / f"{name}-ubyte"), "uint8", -1, offset
        )

    return tuple(
        (
            array(f"{part}-images-idx3", 16).reshape(-1, 28, 28) / 255,
            array(f"{part}-labels-idx1", 8).astype("int64"),
        )
        for part in ("train", "t10k")
    )


def adult(folder, limit):
    """The census of 1994: who earns more than 50,000, and who ever married."""
    train = census_lines(folder / "adult.data")[:limit]
    test = census_lines(folder / "adult.test")[:limit]
    encode = Encoder(train)
    return Tasks(
        (encode(train), census_labels(train)),
        (encode(test), census_labels(test)),
        {"income": 2, "married": 2},
        "income and marriage of people in a census",
    )


class Encoder:
    """Maps lines of the census to standardized numbers and flags of words.

    Neither task's own column is among them, nor the relationship in a
    household, which tells who is married.
    """

    numbers = (0, 4, 10, 11, 12)
    words = (1, 3, 6, 8, 9, 13)

    def __init__(self, lines):
        values = self.values(lines)
        self.mean, self.deviation = values.mean(axis=0), values.std(axis=0)
        self.known = [
            (place, word)
            for place in self.words
            for word in sorted({line[place] for line in lines})
        ]

    def values(self, lines):
        return np.array([[float(x[i]) for i in self.numbers] for x in lines])

    def __call__(self, lines):
        values = self.values(lines) - self.mean
        flags = [[line[i] == w for i, w in self.known] for line in lines]
        parts = values / (self.deviation + 1e-6), flags
        return np.concatenate(parts, axis=1).astype("float32")


def census_labels(lines):
    """The classes of both tasks."""
    return {
        "income": np.array([int(line[14] == ">50K") for line in lines]),
        "married": np.array([int(x[5] != "Never-married") for x in lines]),
    }


def census_lines(path):
    """Lists of 15 words."""
    lines = read(path).decode().splitlines()
    rows = [[word.strip(" .") for word in line.split(",")] for line in lines]
    return [row for row in rows if len(row) == 15]


def read(path):
    """The bytes of a file, or of it with `.gz` behind its name."""
    packed = path.with_name(path.name + ".gz")
    if packed.exists():
        return gzip.decompress(packed.read_bytes())
    return path.read_bytes()
