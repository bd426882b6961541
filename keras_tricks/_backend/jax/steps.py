"""Steps of training on JAX."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras

from keras_tricks._backend.jax.recording import Recorded

Tensor = Any


def train_step_by_tasks(
    model: Any, combine: Any, is_shared: list, state: tuple, data: Any
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
    # Each is of all variables; compiled, what is not used is not computed.
    of_all = pullback(jnp.ones_like(losses))[0]
    rows = zip(zip(*each, strict=True), is_shared, strict=True)
    stacked = [jnp.stack(row) for row, shared in rows if shared]
    own = [g for g, s in zip(of_all, is_shared, strict=True) if not s]
    gradients, values = combine(stacked, own)
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


def value_and_gradients(
    function: Callable, variables: Sequence[Any]
) -> tuple[Tensor, Any, list[Tensor]]:
    """Of a function whose writes happen outside its trace."""
    recorded = Recorded(function, variables)

    def value(values: Sequence[Tensor]) -> Any:
        (y, others), effects = recorded(values)
        return y, (others, effects)

    # `variable.value` would be cast where a layer's autocast scope is open.
    values = [jnp.asarray(v.value, v.dtype) for v in variables]
    (y, (others, effects)), gradients = jax.value_and_grad(value, has_aux=True)(
        values
    )
    recorded.replay(effects)
    return y, others, gradients


def apply_gradients(
    optimizer: Any, gradients: Sequence[Tensor], variables: Sequence[Any]
) -> None:
    """Statelessly: `LossScaleOptimizer` writes inside `lax.cond`."""
    state = optimizer.variables
    values, state_values = optimizer.stateless_apply(
        [v.value for v in state], gradients, [v.value for v in variables]
    )
    for variable, value in zip(
        [*variables, *state], [*values, *state_values], strict=True
    ):
        variable.assign(value)


def run_step(model: Any, step: Callable, state: Any, data: Any) -> Any:
    """Open a scope over the trainer's state and return what it became."""
    training = len(state) == 4
    groups = [
        model.trainable_variables,
        model.non_trainable_variables,
        *([model.optimizer.variables] if training else []),
        model.metrics_variables,
    ]
    mapping = [
        pair
        for variables, values in zip(groups, state, strict=True)
        for pair in zip(variables, values, strict=True)
    ]
    with keras.StatelessScope(mapping) as scope:
        logs = step(data)
    lost = set(scope.state_mapping) - {id(variable) for variable, _ in mapping}
    if lost:
        raise RuntimeError(
            "A step may write no variable that the model does not track. "
            f"Received: writes to {len(lost)} such variables"
        )
    return logs, tuple(
        [scope.get_current_value(variable) for variable in variables]
        for variables in groups
    )
