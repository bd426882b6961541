"""JAX's part of `keras_tricks._backend`."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

Tensor = Any


def dense(tensor: Tensor) -> Tensor:
    """The tensor itself: gradients are always dense."""
    return tensor


def add_in_place(variable: Any, value: Tensor) -> None:
    """Add to a variable, without a copy of it where tensors can change."""
    variable.assign_add(value)


def zero_in_place(variable: Any) -> Tensor:
    """Set a variable to zero; its tensor, the same where tensors can change."""
    variable.assign(keras.ops.zeros(variable.shape, variable.dtype))
    return variable.value


def divide_by_agreement(
    variable: Any, x: Tensor, y: Tensor, rate: float, low: float, high: float
) -> None:
    """Divide a variable by `exp(rate · sign(x) · sign(y))`, within a range."""
    sign = keras.ops.sign(x) * keras.ops.sign(y)
    divisor = keras.ops.where(sign > 0, math.exp(rate), 1.0)
    divisor = keras.ops.where(sign < 0, math.exp(-rate), divisor)
    # Clipped before it is divided: XLA writes a quotient out once, and computes
    # what is cheaper again in each loop that reads it.
    x = keras.ops.clip(variable, low * divisor, high * divisor)
    variable.assign(x / divisor)


def store_product(variable: Any, *factors: Tensor) -> Tensor:
    """Store the product of tensors; the first may be the variable's own."""
    product = math.prod(factors[1:], start=factors[0])
    variable.assign(product)
    return product


def value_now(variable: Any) -> np.ndarray:
    """The variable's value as float64, even while a step is traced."""
    return np.asarray(keras.ops.convert_to_numpy(variable), "float64")


def train_step_by_tasks(
    model: Any, combine: Any, state: tuple, data: Any
) -> tuple[dict, tuple]:
    """A training step in which each task's gradients are combined."""
    trainable, fixed, optimizer_state, metrics = state
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)

    def losses_of(trainable: list) -> tuple:
        _, found = model.compute_loss_and_updates(
            trainable,
            fixed,
            metrics,
            x,
            y,
            sample_weight,
            training=True,
            optimizer_variables=optimizer_state,
        )
        scope = zip(model.optimizer.variables, optimizer_state, strict=True)
        with keras.StatelessScope(state_mapping=list(scope)):
            losses = model.optimizer.scale_loss(jnp.stack(model.task_losses))
        return losses, found

    losses, pullback, found = jax.vjp(losses_of, trainable, has_aux=True)
    loss, y_pred, fixed, metrics = found
    each = [pullback(e)[0] for e in jnp.eye(len(losses), dtype=losses.dtype)]
    gradients, values = combine(
        [jnp.stack(rows) for rows in zip(*each, strict=True)]
    )
    fixed = replaced(model.non_trainable_variables, fixed, model, values)
    trainable, optimizer_state = model.optimizer.stateless_apply(
        optimizer_state, gradients, trainable
    )
    logs, metrics = measured(
        model, metrics, loss, (x, y, y_pred, sample_weight)
    )
    return logs, (trainable, fixed, optimizer_state, metrics)


def replaced(variables: list, old: list, model: Any, values: list) -> list:
    """The old values, but for the variables of the model's step state."""
    new = {
        id(v): value for v, value in zip(model.step_state, values, strict=True)
    }
    return [new.get(id(v), x) for v, x in zip(variables, old, strict=True)]


def measured(model: Any, metrics: list, loss: Any, batch: tuple) -> tuple:
    """The logs and the metrics' new values."""
    mapping = list(zip(model.metrics_variables, metrics, strict=True))
    size = keras.tree.flatten(batch[0])[0].shape[0]
    with keras.StatelessScope(state_mapping=mapping) as scope:
        model.metrics[0].update_state(loss, sample_weight=size)
        logs = model.compute_metrics(*batch)
    new = [scope.get_current_value(variable) for variable, _ in mapping]
    return logs, [
        old if value is None else value
        for value, old in zip(new, metrics, strict=True)
    ]
