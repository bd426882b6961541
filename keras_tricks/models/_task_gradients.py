"""The gradients of several losses over shared parameters, as one."""

from typing import Any

import keras
from keras import ops

from keras_tricks import multitask

Tensor = Any


class TaskGradients(keras.layers.Layer):
    """Combines the tasks' gradients, and holds the weights that it found."""

    def __init__(self, aggregator: Any, num_tasks: int):
        super().__init__(dtype="float32", name="task_gradients")
        self.aggregator = multitask.get(aggregator)
        self.num_tasks = num_tasks
        self.task_weights = self.add_weight(
            name="task_weights",
            shape=(num_tasks,),
            initializer="zeros",
            trainable=False,
        )
        self.built = True

    def combine(
        self, stacked: list, own: list, is_shared: list
    ) -> tuple[list, list[Tensor]]:
        """Map gradients by the tasks' losses to one for each variable.

        Args:
            stacked: For each shared variable a tensor whose first axis counts
                the tasks, and then what belongs to none, such as regularisers.
            own: For each other variable the gradient by the sum of all these.
            is_shared: For each variable whether several tasks share it.
        """
        size = self.num_tasks
        rows = [
            ops.reshape(ops.cast(g[:size], "float32"), (size, -1))
            for g in stacked
        ]
        w = self.aggregator(sum(ops.matmul(g, ops.transpose(g)) for g in rows))
        one = ops.ones_like(w)
        shared, others = iter(stacked), iter(own)
        combined = []
        for together in is_shared:
            if together:
                g = next(shared)
                factors = ops.concatenate([w, one])[: g.shape[0]]
                factors = ops.cast(factors, g.dtype)
                combined.append(ops.tensordot(factors, g, axes=1))
            else:
                combined.append(next(others))
        return combined, [w]


def shared_variables(model: Any, names: Any) -> list:
    """The trainable variables of the layers that several outputs depend on."""
    if names is not None:
        layers = [model.get_layer(name) for name in names]
    else:
        counts: dict = {}
        for output in getattr(model, "outputs", None) or []:
            for layer in keras.Model(model.inputs, output).layers:
                counts.setdefault(id(layer), []).append(layer)
        layers = [found[0] for found in counts.values() if len(found) > 1]
    variables = [v for layer in layers for v in layer.trainable_variables]
    if not variables:
        raise ValueError(
            "`shared` must name layers with trainable parameters, where the "
            "model's inputs and outputs do not tell which ones several outputs "
            f"depend on. Received: shared={names!r}"
        )
    return variables


def check_alone(loss_weights: Any) -> None:
    """Raise if there are weights beside an aggregator."""
    if loss_weights is not None:
        raise ValueError(
            "`loss_weights` must be `None` with an `aggregator`, which finds "
            f"them. Received: loss_weights={loss_weights!r}"
        )
