"""A net's linear pieces: gates that do not change, and biases to scale."""

import contextlib
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

Tensor = Any


def sublayers(layer: Any) -> Iterator[Any]:
    """The layer and all that it holds."""
    seen: set[int] = set()
    waiting = [layer]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, keras.Layer):
            yield value
            waiting += vars(value).values()
        elif isinstance(value, (list, tuple, set)):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()


@contextlib.contextmanager
def linear_pieces(
    net: Any, scale: Tensor | None = None, gates: Any = None
) -> Iterator[None]:
    """Within it, (leaky) ReLUs choose a piece and are linear on it.

    Values and derivatives of any order are the same. But TensorFlow and
    PyTorch do not know that a gate has no derivative, and send zeros back
    through the whole net for it, a third of the time of a second derivative.

    Args:
        net: Layer or model to be called, or any callable, which is left alone.
        scale: `(batch,)`. If given, each layer adds its bias again, times it.
        gates: `Gates`, which choose the piece.
    """
    gates = gates or Gates()
    changes = [
        change
        for layer in sublayers(net)
        for change in changes_of(layer, scale, gates)
    ]
    # Not by `setattr`, with which Keras would track what is there for a while.
    kept = [vars(layer).get(name) for layer, name, _ in changes]
    for layer, name, function in changes:
        vars(layer)[name] = function
    try:
        yield
    finally:
        for (layer, name, _), value in zip(changes, kept, strict=True):
            if value is None:
                del vars(layer)[name]
            else:
                vars(layer)[name] = value


def changes_of(layer: Any, scale: Tensor | None, gates: Any) -> list[tuple]:
    """What a layer is given for a while: `(layer, attribute, function)`."""
    if type(layer) is keras.layers.LeakyReLU or is_plain_relu(layer):
        gate = gates.gate(layer.call, layer.negative_slope)
        return [(layer, "call", gate)]
    function = getattr(layer, "activation", None)
    if function is None:
        return []
    activations = keras.activations
    slopes = {activations.relu: 0.0, activations.leaky_relu: 0.2}
    slope = slopes.get(function)
    changed = function if slope is None else gates.gate(function, slope)
    if scale is not None and getattr(layer, "bias", None) is not None:
        changed = after_bias(layer, changed, scale)
    return [] if changed is function else [(layer, "activation", changed)]


def is_plain_relu(layer: Any) -> bool:
    """Whether it is a `ReLU` that neither saturates nor is shifted."""
    plain = type(layer) is keras.layers.ReLU
    return plain and layer.max_value is None and not layer.threshold


class Gates:
    """Which units are open: as their inputs say, or as in an earlier call."""

    def __init__(self, kept: bool = False) -> None:
        self.kept: list[Tensor] | None = [] if kept else None
        self.waiting: list[Tensor] = []

    def replay(self) -> "Gates":
        """Let the next call take the gates of the first one, in its order."""
        self.waiting = list(self.kept or [])
        return self

    def gate(self, function: Callable, slope: float) -> Callable:
        """Maps x to x where the gate is open, to `slope · x` elsewhere."""

        def gated(inputs: Tensor) -> Tensor:
            if self.waiting:
                return opened(inputs, self.waiting.pop(0), slope)
            if self.kept is None:
                return opened(inputs, inputs > 0, slope)
            # This call is differentiated once, which its own function can.
            self.kept.append(inputs > 0)
            return function(inputs)

        return gated


def opened(x: Tensor, is_open: Tensor, slope: float) -> Tensor:
    """A (leaky) ReLU with gates that are given."""
    if not slope:
        return ops.where(is_open, x, ops.zeros_like(x))
    return x * ops.cast(ops.where(is_open, 1.0, slope), x.dtype)


def after_bias(
    layer: Any, activation: Callable, scale: Tensor
) -> Callable[[Tensor], Tensor]:
    """The activation of what has `scale` times the bias more."""

    def function(x: Tensor) -> Tensor:
        shape = [1] * len(x.shape)
        first = getattr(layer, "data_format", None) == "channels_first"
        shape[1 if first else -1] = layer.bias.shape[0]
        bias = ops.reshape(ops.cast(layer.bias, scale.dtype), shape)
        rows = ops.reshape(scale, [-1] + [1] * (len(x.shape) - 1))
        return activation(x + ops.cast(rows * bias, x.dtype))

    return function
