"""EfficientGlobalPointer and its loss beside bert4keras3's.

Token features to the span loss, with the gradient with respect to the features,
of one head with the same weights:

- `factored`: `EfficientGlobalPointer(factored=True)` and `SpanCrossentropy`;
- `dense`: all scores, and `SpanCrossentropy` on them;
- `bert4keras3`: its layer and `multilabel_categorical_crossentropy`, on a 0/1
  label for each of types × length² pairs, as its users write it.

Losses are means over texts and types. Their value is compared too: the layers
agree, weight by weight. Variants take turns, medians are printed. JAX and
TensorFlow run compiled, PyTorch eagerly.

    python -m benchmarks.span_head

The rows of bert4keras3 need that package (`pip install --no-deps bert4keras3`).
"""

import argparse
import statistics
import time
import warnings

import keras
import numpy as np
from keras import ops

from benchmarks._gradient_step import gradient_step
from benchmarks._report import figure
from benchmarks._report import keep
from benchmarks._span_losses import make_batch
from benchmarks._tables import show
from keras_tricks.layers import EfficientGlobalPointer
from keras_tricks.losses import SpanCrossentropy

PEER = "bert4keras3"
TITLE = "EfficientGlobalPointer, its loss and their gradient"
HEAD_DIM, FEATURES = 64, 384


def ours(num_types, length, labels, factored):
    """The layer, and the loss of its scores."""
    layer = EfficientGlobalPointer(num_types, HEAD_DIM, factored=factored)
    loss = SpanCrossentropy()
    mask = ops.ones((len(labels), length), "bool")
    return layer, lambda x: loss(labels, layer(x, mask=mask))


def theirs(num_types, length, labels):
    """The same of bert4keras3."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from bert4keras3 import backend
        from bert4keras3.layers import EfficientGlobalPointer as Layer
    layer = Layer(heads=num_types, head_size=HEAD_DIM)
    mask = ops.ones((len(labels), length), "bool")
    targets = np.zeros((len(labels), num_types, length, length), "float32")
    for row, spans in enumerate(labels):
        targets[(row, *spans.T)] = 1
    targets = targets.reshape(len(labels) * num_types, -1)

    def loss(x):
        scores = ops.reshape(layer(x, mask=mask), targets.shape)
        return ops.mean(
            backend.multilabel_categorical_crossentropy(targets, scores)
        )

    return layer, loss


def variants(num_types, length, labels):
    """(layer, loss) by name, and why a peer is not among them."""
    made = {
        name: ours(num_types, length, labels, name == "factored")
        for name in ("factored", "dense")
    }
    try:
        return {**made, PEER: theirs(num_types, length, labels)}, None
    except ImportError as error:
        return made, f"{PEER} does not import: {error}"


def measure(num_types, arguments):
    """Rows of the loss and of the time of each variant."""
    labels, _ = make_batch(arguments.batch, arguments.length, num_types)
    keras.utils.set_random_seed(0)
    made, missing = variants(num_types, arguments.length, labels)
    rng = np.random.default_rng(0)
    shape = arguments.batch, arguments.length, FEATURES
    x = rng.normal(size=shape).astype("float32")
    steps, weights, seconds = {}, None, {name: [] for name in made}
    for name, (layer, loss) in made.items():
        layer(x)  # bert4keras3 builds what it holds when it is called.
        weights = weights or layer.get_weights()
        layer.set_weights(weights)
        steps[name] = gradient_step(loss, x)
    for _ in range(arguments.repeats):
        for name, step in steps.items():
            started = time.perf_counter()
            value = step.run()
            seconds[name].append((time.perf_counter() - started, value))
    yield from figures(num_types, seconds, arguments)
    if missing:
        row = f"{num_types} types, {PEER}"
        yield figure(TITLE, row, "time", None, "ms", note=missing)


def figures(num_types, measured, arguments):
    """The rows of what was measured, `[(seconds, loss)]` by name."""
    first = statistics.median(t for t, _ in measured["factored"])
    for name, turns in measured.items():
        middle = statistics.median(t for t, _ in turns)
        row = f"{num_types} types, {name}"
        settings = {"batch": arguments.batch, "length": arguments.length}
        yield figure(
            TITLE,
            row,
            "time",
            1e3 * middle,
            "ms",
            peer="factored",
            ratio=middle / first,
            **settings,
        )
        yield figure(TITLE, row, "loss", turns[-1][1], **settings)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--types", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.batch, arguments.length, arguments.repeats = 2, 64, 3
    rows = [row for n in arguments.types for row in measure(n, arguments)]
    show(rows)
    print(f"kept in {keep('span_head', rows)}")


if __name__ == "__main__":
    main()
