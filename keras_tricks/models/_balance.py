"""What a model that balances its tasks holds."""

from typing import Any

import keras


class Notes:
    """What the model remembers that is neither a variable nor a layer."""

    def __init__(self, given: dict):
        self.given = given
        self.values: dict = {}
        self.losses: list = []
        self.names: list = []
        self.shared: list | None = None


class Balance(keras.layers.Layer):
    """Holds the state of a method; a model that is built takes no new layer."""

    def __init__(self) -> None:
        super().__init__(name="balance")
        self.built = True
        self.weighting: Any = None
        self.gradients: Any = None

    def clear(self) -> None:
        """Let go of what another `compile` has set."""
        self.weighting = self.gradients = None

    # Keras goes on to count layers that were attributes once. They are not
    # frozen instead: one of them may be given to `compile` again.
    @property
    def variables(self) -> list:
        return [v for part in self.parts for v in part.variables]

    @property
    def weights(self) -> list:
        return [w for part in self.parts for w in part.weights]

    @property
    def parts(self) -> list:
        """The layers of this `compile`."""
        held = (self.weighting, self.gradients)
        return [part for part in held if part is not None]
