"""Error of the sparse zlpr loss at growing scores, beside bert4keras3's.

Ten classes, one of them right with score `s`, the others with −s; loss and
gradient in float32, against the formula in float64. The sparse form of the
published code clips `1 − exp(…)` at 1e-7, so that a right class above a score
of 15 is punished; `MultilabelCrossentropy` takes no difference of what is
nearly equal.

    python -m benchmarks.exactness

The row of bert4keras3 needs that package (`pip install --no-deps bert4keras3`).
"""

import argparse
import warnings

import keras
import numpy as np

from benchmarks._report import figure
from benchmarks._report import keep
from benchmarks._tables import show
from keras_tricks.losses import MultilabelCrossentropy
from tests.checks.gradients import value_and_gradient

SCORES = (1.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0)
CLASSES = 10
PEER = "bert4keras3, sparse"


def in_float64(s):
    """log(1 + e^−s) + log(1 + 9 e^−s), and its slope at the right class."""
    loss = np.log1p(np.exp(-s)) + np.log1p((CLASSES - 1) * np.exp(-s))
    return loss, -1 / (1 + np.exp(s))


def ours(scores):
    right = np.zeros((1, CLASSES), "float32")
    right[0, 0] = 1
    return MultilabelCrossentropy()(right, scores)


def peer():
    """The loss of bert4keras3, or None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from bert4keras3 import backend
    except ImportError:
        return None
    loss = backend.sparse_multilabel_categorical_crossentropy
    right = keras.ops.convert_to_tensor([[0]])
    return lambda scores: keras.ops.mean(loss(right, scores))


def measure(name, function):
    for s in SCORES:
        scores = np.full((1, CLASSES), -s, "float32")
        scores[0, 0] = s
        expected, slope = in_float64(s)
        loss, found = value_and_gradient(function, scores)
        for column, error in (
            ("loss", abs(loss - expected)),
            ("gradient at the right class", abs(found[0, 0] - slope)),
        ):
            yield figure(
                "Error of the sparse zlpr loss",
                f"score {s:g}, {name}",
                f"{column}, absolute",
                float(error),
            )


def peer_rows(table):
    """The peer's errors, or why there are none."""
    other = peer()
    try:
        if other:
            return list(measure(PEER, other))
        note = "bert4keras3 is not installed"
    except (KeyError, TypeError, ValueError) as error:
        note = f"raises {type(error).__name__}: {error}"
    return [figure(table, PEER, "loss, absolute", None, note=note)]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="changes nothing")
    parser.parse_args()
    rows = list(measure("ours", ours))
    rows += peer_rows(rows[0]["table"])
    show(rows)
    print(f"kept in {keep('exactness', rows)}")


if __name__ == "__main__":
    main()
