"""What public parts are called with, and which shapes they say they take.

`CALLS` maps a name to a `Call`. Shapes that fit are those of the docstrings,
written again; dimensions are 0 to 4.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from keras_tricks import constraints
from keras_tricks import layers
from keras_tricks import losses
from keras_tricks import metrics
from keras_tricks import multitask
from keras_tricks import thresholds


@dataclasses.dataclass(frozen=True)
class Call:
    """A call with arrays.

    Args:
        call: Takes the arrays.
        names: Of the arrays.
        fits: Whether shapes, in the order of the names, are documented ones.
        good: Shapes that fit.
        integers: Names of arrays that hold small integers.
        refuses_nan: Whether numbers that are not finite are an error.
    """

    call: Callable[..., Any]
    names: tuple[str, ...]
    fits: Callable[..., bool]
    good: tuple[tuple[int, ...], ...]
    integers: tuple[str, ...] = ()
    refuses_nan: bool = False


def column(shape):
    """Whether it is `(rows,)` or `(rows, 1)`."""
    return len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)


def columns(*shapes):
    return all(map(column, shapes)) and len({s[0] for s in shapes}) == 1


def scored(y_pred):
    """The axes of dense span scores, or of factored ones."""
    if len(y_pred) == 4:
        return y_pred[1] > 0 and y_pred[2] == y_pred[3] > 0
    if len(y_pred) != 3:
        return False
    _, length, width = y_pred
    return 0 < length < width and (width - length) % 2 == 0


def span_scores(y_true, y_pred):
    """Sparse span labels and scores of one batch."""
    sparse = len(y_true) == 3 and y_true[2] == 3
    return sparse and scored(y_pred) and y_true[0] == y_pred[0]


def counted(y_true, y_pred):
    """The same, or dense labels of the shape of dense scores."""
    dense = len(y_pred) == 4 and y_true == y_pred and scored(y_pred)
    return dense or span_scores(y_true, y_pred)


def updated(metric):
    def call(*arrays):
        metric.reset_state()
        metric.update_state(*arrays)
        return metric.result()

    return call


MEASURED = ("y_true", "y_pred", "sample_weight")
LOSS = ("y_true", "y_pred")
CALLS = {
    "CoSENT": Call(losses.CoSENT(), LOSS, columns, ((3,), (3,))),
    "AnglE": Call(
        losses.AnglE(),
        LOSS,
        lambda y, s: (
            column(y)
            and len(s) == 3
            and s[1] == 2
            and s[2] % 2 == 0
            and y[0] == s[0]
        ),
        ((3,), (3, 2, 4)),
    ),
    "MultilabelCrossentropy": Call(
        losses.MultilabelCrossentropy(),
        LOSS,
        lambda y, s: y == s and len(s) > 0,
        ((2, 3), (2, 3)),
    ),
    "RDrop": Call(
        losses.RDrop(),
        LOSS,
        lambda y, s: column(y) and len(s) == 3 and s[1] == 2 and y[0] == s[0],
        ((2,), (2, 2, 3)),
        integers=("y_true",),
    ),
    "SimCSE": Call(
        lambda y_pred: losses.SimCSE()(None, y_pred),
        ("y_pred",),
        lambda s: len(s) == 3 and s[1] in (2, 3) and s[0] > 0,
        ((3, 2, 4),),
    ),
    "SpanCrossentropy": Call(
        losses.SpanCrossentropy(),
        LOSS,
        span_scores,
        ((2, 1, 3), (2, 2, 3, 3)),
        integers=("y_true",),
    ),
    "SpanF1": Call(
        updated(metrics.SpanF1()),
        LOSS,
        counted,
        ((2, 1, 3), (2, 2, 3, 3)),
        integers=("y_true",),
    ),
    "SpearmanCorrelation": Call(
        updated(metrics.SpearmanCorrelation(max_samples=8)),
        MEASURED,
        columns,
        ((3,), (3,), (3,)),
    ),
    "BestThresholdF1": Call(
        updated(metrics.BestThresholdF1(max_samples=8)),
        MEASURED,
        columns,
        ((3,), (3,), (3,)),
        integers=("y_true",),
    ),
    "MaskedPooling": Call(
        lambda inputs, mask: layers.MaskedPooling()(inputs, mask=mask),
        ("inputs", "mask"),
        lambda x, m: len(x) == 3 and m == x[:2],
        ((2, 3, 4), (2, 3)),
        integers=("mask",),
    ),
    "PairFeatures": Call(
        lambda *inputs: layers.PairFeatures()(list(inputs)),
        ("inputs", "inputs"),
        lambda u, v: u == v and len(u) == 2,
        ((2, 3), (2, 3)),
    ),
    "PairSimilarity": Call(
        lambda *inputs: layers.PairSimilarity()(list(inputs)),
        ("inputs", "inputs"),
        lambda u, v: u == v and len(u) == 2,
        ((2, 3), (2, 3)),
    ),
    "GlobalPointer": Call(
        lambda inputs: layers.GlobalPointer(2, 4)(inputs),
        ("inputs",),
        lambda x: len(x) == 3,
        ((2, 3, 4),),
    ),
    "EfficientGlobalPointer": Call(
        lambda inputs: layers.EfficientGlobalPointer(2, 4)(inputs),
        ("inputs",),
        lambda x: len(x) == 3,
        ((2, 3, 4),),
    ),
    "WeightClipping": Call(
        lambda value: constraints.WeightClipping(0.5)(
            ops.convert_to_tensor(value)
        ),
        ("value",),
        lambda w: True,
        ((2, 3),),
    ),
    "UPGrad": Call(
        multitask.UPGrad(),
        ("gram",),
        lambda g: len(g) == 2 and g[0] == g[1] > 0,
        ((3, 3),),
    ),
    "Threshold": Call(
        thresholds.Threshold(0.5).predict,
        ("scores",),
        lambda s: True,
        ((3,),),
        refuses_nan=True,
    ),
    "ClassWeights": Call(
        lambda p: thresholds.ClassWeights((1.0, 2.0)).predict(np.abs(p)),
        ("probabilities",),
        lambda p: len(p) > 0 and p[-1] == 2,
        ((3, 2),),
        refuses_nan=True,
    ),
    "fit_threshold": Call(
        lambda scores, labels: (
            thresholds.fit_threshold(scores, labels).threshold
        ),
        ("scores", "labels"),
        lambda s, y: len(s) == 1 and s == y and s[0] > 0,
        ((3,), (3,)),
        integers=("labels",),
        refuses_nan=True,
    ),
}
