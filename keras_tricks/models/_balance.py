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


class Balance(keras.layers.Layer):
    """Holds the state of a method; a model that is built takes no new layer."""

    def __init__(self) -> None:
        super().__init__(name="balance")
        self.built = True
        self.weighting: Any = None
        self.gradients: Any = None

    def clear(self) -> None:
        """Let go of what another `compile` has set."""
        if self.weighting is not None:
            self.weighting.trainable = False
        self.weighting = self.gradients = None
