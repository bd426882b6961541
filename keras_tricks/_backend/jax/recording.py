"""What a traced function writes, as a result of it."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

Tensor = Any


class Recorder(keras.StatelessScope):
    """A scope that reads through to the one around it, and keeps the writes.

    What a traced function writes must leave it as a result, or it would be a
    tracer that outlives its trace.
    """

    def __init__(self, state_mapping: Any = None):
        super().__init__(
            state_mapping, collect_losses=True, initialize_variables=False
        )
        self.written: dict[int, Any] = {}

    def get_current_value(self, variable: Any) -> Any:
        value = super().get_current_value(variable)
        if value is None and self.original_scope is not None:
            value = self.original_scope.get_current_value(variable)
        return value

    def add_update(self, update: Any) -> None:
        super().add_update(update)
        self.written[id(update[0])] = update[0]

    def values(self) -> list[Tensor]:
        """The new values of the variables in `written`."""
        return [self.state_mapping[key] for key in self.written]


class Recorded:
    """A function of arrays whose writes and losses are a second result."""

    def __init__(self, function: Callable, variables: Sequence[Any] = ()):
        self.function = function
        self.variables = variables

    def __call__(self, x: Any) -> tuple[Any, Any]:
        mapping = zip(self.variables, x, strict=True) if self.variables else []
        with Recorder(list(mapping)) as self.scope:
            y = self.function() if self.variables else self.function(x)
        return y, (self.scope.values(), self.scope.losses)

    def replay(self, effects: Any, layer: Any = None) -> None:
        """Write the values, and add the losses to the layer, outside."""
        values, losses = effects
        written = self.scope.written.values()
        for variable, value in zip(written, values, strict=True):
            variable.assign(value)
        if layer is not None and losses:
            layer.add_loss(losses)
