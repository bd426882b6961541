"""TaskWeights: what the tasks' gradients were weighted with, in the logs."""

import warnings
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from keras_tricks.layers.gradient_aggregation import GradientAggregation


@keras.saving.register_keras_serializable(package="keras_tricks")
class TaskWeights(keras.callbacks.Callback):
    """Maps what aggregates gradients to the tasks' weights in the logs.

    At the end of each epoch the `task_weights` of every
    `layers.GradientAggregation` in the model, those of the last batch, join
    the loss and the metrics as `<layer>_<task>`, and with several tasks
    `<layer>_cosine` joins them, the smallest cosine between two tasks'
    gradients: below 0 they conflict. Those of a `models.MultiTaskModel` with an
    `aggregator` join them as `<model>_<task>`.

    It warns once where all those cosines are exactly 0 though the gradients
    are not. That is what data gives in which each sample has the label of one
    task only: the layer then cannot see conflicts.

    Args:
        No arguments.

    Returns:
        A callback for `model.fit`.

    Raises:
        ValueError: When training begins, if no such layer that tracks its
            weights is in the model, and it has no aggregator.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_tricks.callbacks import TaskWeights
    >>> from keras_tricks.layers import GradientAggregation
    >>> inputs = keras.Input((3,))
    >>> h = keras.layers.Dense(4)(inputs)
    >>> copies = GradientAggregation(["a", "b"], "mean", name="meet")(h)
    >>> outputs = {k: keras.layers.Dense(1)(v) for k, v in copies.items()}
    >>> model = keras.Model(inputs, outputs)
    >>> model.compile("sgd", {"a": "mse", "b": "mse"})
    >>> x, y = np.ones((8, 3)), {"a": np.ones((8, 1)), "b": np.ones((8, 1))}
    >>> history = model.fit(x, y, callbacks=[TaskWeights()], verbose=0)
    >>> history.history["meet_a"]
    [0.5]
    """

    def __init__(self) -> None:
        super().__init__()
        self.warned = False

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.layers = [
            layer
            for layer in flat(self.model)
            if isinstance(layer, GradientAggregation) and layer.track
        ]
        self.aggregates = getattr(self.model, "task_weights", None) is not None
        if not self.layers and not self.aggregates:
            raise ValueError(
                "The model must have a `GradientAggregation` with `track=True`,"
                " or be compiled with an `aggregator`. Received: "
                f"model={self.model.name!r} with neither"
            )

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs = {} if logs is None else logs
        if self.aggregates:
            names, weights = self.model.task_names, self.model.task_weights
            logs.update(named(self.model.name, names, weights))
        for layer in self.layers:
            names = layer.named(range(layer.num_tasks))
            logs.update(named(layer.name, names, layer.task_weights))
            cosines = keras.ops.convert_to_numpy(layer.task_cosines)
            between = cosines[~np.eye(len(cosines), dtype=bool)]
            if between.size:
                logs[f"{layer.name}_cosine"] = float(between.min())
            self.warn_of_disjoint(layer, cosines, between)

    def warn_of_disjoint(
        self, layer: Any, cosines: np.ndarray, between: np.ndarray
    ) -> None:
        """Warn once of gradients that share no entry."""
        several = (np.diagonal(cosines) > 0).sum() > 1
        if several and not between.any() and not self.warned:
            self.warned = True
            warnings.warn(
                f"The tasks' gradients at {layer.name!r} have no entry in "
                "common. If each sample has the label of one task only, the "
                "layer cannot see conflicts; use `MultiTaskModel` with an "
                "`aggregator`.",
                stacklevel=2,
            )

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> "TaskWeights":
        """Make the callback that `get_config` described."""
        return cls(**config)


def named(prefix: str, names: Iterable, weights: Any) -> dict[str, float]:
    """Weights by their names in the logs."""
    values = keras.ops.convert_to_numpy(weights)
    pairs = zip(names, values, strict=True)
    return {f"{prefix}_{name}": float(value) for name, value in pairs}


def flat(model: Any) -> list:
    """The layers of a model and of the models within it."""
    layers = []
    for layer in model.layers:
        layers += [layer, *(flat(layer) if hasattr(layer, "layers") else [])]
    return layers
