"""LogAttribute: a number that a part of the model holds, in the logs."""

from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="keras_tricks")
class LogAttribute(keras.callbacks.Callback):
    """Maps an attribute of the model, or of a part of it, to the logs.

    At the end of each epoch the value of `model.<path>` joins the loss and the
    metrics: in the history, in the progress bar, in `CSVLogger` and
    `TensorBoard`. What is learnt beside the weights is seen in no other way.

    It reads once per epoch, not at each step. Put it before callbacks that are
    to see its values, such as `CSVLogger`.

    Args:
        path: Attributes from the model on, joined by dots; a number picks from
            a list, as in `"layers.0.scale"`. A `LossScaleOptimizer` on the way
            is looked through.
        name: What it is called in the logs; `None` stands for the last part
            of `path`. Defaults to `None`.

    Returns:
        A callback for `model.fit`. A single number is logged as `name`; of a
        vector each entry, as `name_0`, `name_1`, and so on.

    Raises:
        AttributeError: At the end of the first epoch, if the model has no such
            attribute.
        ValueError: If `path` is empty, or if the value has more than one axis.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_tricks.callbacks import LogAttribute
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.SGD(0.25), "mse")
    >>> x, y = np.ones((8, 3)), np.ones((8, 1))
    >>> rate = LogAttribute("optimizer.learning_rate", name="rate")
    >>> history = model.fit(x, y, callbacks=[rate], verbose=0)
    >>> history.history["rate"]
    [0.25]
    """

    def __init__(self, path: str, name: str | None = None):
        super().__init__()
        if not isinstance(path, str) or not all(path.split(".")):
            raise ValueError(
                "`path` must be names joined by single dots. "
                f"Received: path={path!r}"
            )
        self.path = path
        self.name = name

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if logs is not None:
            logs.update(self.values())

    def values(self) -> dict[str, float]:
        """What is logged now."""
        holder = self.model
        for part in self.path.split("."):
            holder = found_in(holder, part)
        value = np.asarray(keras.ops.convert_to_numpy(holder), "float64")
        name = self.name or self.path.split(".")[-1]
        if value.ndim > 1:
            raise ValueError(
                "The attribute must be a number or a vector. Received: "
                f"path={self.path!r} with a value of shape {value.shape}"
            )
        if value.ndim == 0:
            return {name: float(value)}
        return {f"{name}_{i}": float(x) for i, x in enumerate(value)}

    def get_config(self) -> dict:
        return {"path": self.path, "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "LogAttribute":
        return cls(**config)


def found_in(holder: Any, part: str) -> Any:
    """An attribute or entry, also of the optimizer inside a scaling one."""
    if part.isdigit():
        return holder[int(part)]
    scaling = isinstance(holder, keras.optimizers.LossScaleOptimizer)
    if scaling and not hasattr(holder, part):
        holder = holder.inner_optimizer
    return getattr(holder, part)
