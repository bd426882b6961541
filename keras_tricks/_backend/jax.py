"""JAX's part of `keras_tricks._backend`."""

import contextlib
import math
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from keras_tricks._backend import _frechet

Tensor = Any
PREFERS_SECOND_CALL = False
_depth = 0


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


def value_now(variable: Any) -> np.ndarray | None:
    """The variable's value as float64, or None if a trace hands it in."""
    if isinstance(variable.value, jax.core.Tracer):
        return None
    return np.asarray(keras.ops.convert_to_numpy(variable), "float64")


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


def whole_batch(x: Tensor) -> Tensor:
    """The tensor itself: a step sees the batch of all devices."""
    return x


def mean_over_replicas(losses: Tensor) -> Tensor:
    """The losses themselves: they are those of the whole batch."""
    return losses


def sum_over_replicas(x: Tensor) -> Tensor:
    """The tensor itself."""
    return x


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


@contextlib.contextmanager
def deeper() -> Iterator[None]:
    """One more function is being differentiated."""
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1


def input_gradient(
    function: Callable, x: Tensor, layer: Any, differentiable: bool
) -> tuple[Tensor, Tensor]:
    """By reverse mode; unused results cost nothing once compiled."""
    recorded = Recorded(function)

    def total(x: Tensor) -> Any:
        y, effects = recorded(x)
        return jnp.sum(y), (y, effects)

    with deeper():
        gradient, (y, effects) = jax.grad(total, has_aux=True)(x)
    recorded.replay(effects, layer)
    return y, gradient


def gradient_norm(
    function: Callable, x: Tensor, norm: Callable, layer: Any
) -> tuple[Tensor, Tensor]:
    """Forward over reverse: the norm as a derivative along its own direction.

    ```
    ‖∇f‖ = ⟨u, ∇f⟩,  u = ∇f / ‖∇f‖ held constant
    ```

    The norm is the maximum of ⟨u, ∇f⟩ over unit vectors u, so its derivative
    is that of the product at the best u. A second derivative of u would be
    missing, hence the general way inside another derivative.
    """
    if _depth:
        y, gradient = input_gradient(function, x, layer, True)
        return y, norm(gradient)
    y, gradient, slope = linearized(function, x, layer)
    n, pull = jax.vjp(norm, gradient)
    (u,) = pull(jnp.ones_like(n))
    along = slope(u).astype(n.dtype)
    # The value is the norm's, which half precision rounds less.
    return y, n + (along - jax.lax.stop_gradient(along))


def linearized(
    function: Callable, x: Any, layer: Any
) -> tuple[Tensor, Any, Callable]:
    """Forward mode, and its transpose for the gradient."""
    recorded = Recorded(function)
    with deeper():
        y, slope, effects = jax.linearize(recorded, x, has_aux=True)
    recorded.replay(effects, layer)
    (gradient,) = jax.linear_transpose(slope, x)(jnp.ones_like(y))
    return y, jax.lax.stop_gradient(gradient), slope


def uncompiled(function: Callable) -> Callable:
    """The function itself."""
    return function


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


def frechet_distance(moments: list[Tensor]) -> Tensor:
    """In NumPy, outside the compiled step, where there may be no float64."""
    scalar = jax.ShapeDtypeStruct((), "float32")
    return jax.pure_callback(_frechet.frechet_distance, scalar, *moments)


def call_on_host(
    function: Callable, shape: Sequence[Any], dtype: str, *tensors: Tensor
) -> Tensor:
    """By a callback, which runs when the compiled function does."""
    result = jax.ShapeDtypeStruct(tuple(shape), dtype)
    # In NumPy: an operation of JAX in a callback may wait for itself.
    return jax.pure_callback(
        lambda *arrays: function(*map(np.asarray, arrays)), result, *tensors
    )
