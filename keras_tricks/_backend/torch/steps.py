"""Steps of training on PyTorch."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import torch

from keras_tricks._backend.torch.replicas import averaged

Tensor = Any


def train_step_by_tasks(
    model: Any, combine: Any, is_shared: list, data: Any
) -> dict:
    """A training step in which each task's gradients are combined."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    variables = model.trainable_variables
    y_pred = model(x, training=True)
    loss = model.compute_loss(x, y, y_pred, sample_weight, training=True)
    size = keras.tree.flatten(x)[0].shape[0]
    model.metrics[0].update_state(loss, sample_weight=size)
    scaled = [model.optimizer.scale_loss(v) for v in model.task_losses]
    shared = [v.value for v, s in zip(variables, is_shared, strict=True) if s]
    others = [
        v.value for v, s in zip(variables, is_shared, strict=True) if not s
    ]
    each = [gradients_of(value, shared) for value in scaled]
    own = gradients_of(sum(scaled), others)
    with torch.no_grad():
        stacked = [torch.stack(rows) for rows in zip(*each, strict=True)]
        gradients, values = combine(averaged(stacked), averaged(own))
        for variable, value in zip(model.step_state, values, strict=True):
            variable.assign(value)
        model.optimizer.apply(gradients, variables)
    return model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)


def gradients_of(loss: Any, tensors: list) -> list:
    """The gradients of one of several losses, zero where there is none."""
    if not (tensors and loss.requires_grad):
        return [torch.zeros_like(tensor) for tensor in tensors]
    return list(
        torch.autograd.grad(
            loss,
            tensors,
            retain_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
    )


def value_and_gradients(
    function: Callable, variables: Sequence[Any]
) -> tuple[Tensor, Any, list[Tensor]]:
    """By autograd; nothing is accumulated in the variables.

    The gradients are the mean of those of all processes.
    """
    values = [v.value for v in variables]
    y, others = function()
    gradients = torch.autograd.grad(
        y, values, allow_unused=True, materialize_grads=True
    )
    return y.detach(), others, averaged(list(gradients))


def apply_gradients(
    optimizer: Any, gradients: Sequence[Tensor], variables: Sequence[Any]
) -> None:
    """As Keras' trainer does."""
    with torch.no_grad():
        optimizer.apply(gradients, variables)


def run_step(model: Any, step: Callable, data: Any) -> Any:
    """Run the step: the trainer needs no state."""
    return step(data)
