"""TensorFlow's part of `keras_tricks._backend`."""

import functools
import math
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.ops import control_flow_util

from keras_tricks._backend._inner_product import inner_product

Tensor = Any
PREFERS_SECOND_CALL = False


def dense(tensor: Tensor) -> Tensor:
    """The tensor itself, or the sum of `IndexedSlices` row by row.

    `keras.ops` takes the values of equal rows one by one, which is wrong under
    any function that is not linear.
    """
    return tf.convert_to_tensor(tensor)


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
    with tf.init_scope():
        return tf.cast(variable.value, "float64").numpy()


def train_step_by_tasks(
    model: Any, combine: Any, is_shared: list, data: Any
) -> dict:
    """A training step in which each task's gradients are combined."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    variables = model.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        y_pred = model(x, training=True)
        loss = model.compute_loss(x, y, y_pred, sample_weight, training=True)
        losses = [model.optimizer.scale_loss(v) for v in model.task_losses]
        total = tf.add_n(losses)
    size = tf.shape(keras.tree.flatten(x)[0])[0]
    # Keras divides losses by the number of replicas, and the optimizer adds
    # up what comes out here, the same on every replica.
    count = tf.distribute.get_strategy().num_replicas_in_sync
    model.metrics[0].update_state(loss * count, sample_weight=size)
    shared = [v.value for v, s in zip(variables, is_shared, strict=True) if s]
    others = [
        v.value for v, s in zip(variables, is_shared, strict=True) if not s
    ]
    options = {"unconnected_gradients": "zero"}
    each = [tape.gradient(loss, shared, **options) for loss in losses]
    own = tape.gradient(total, others, **options)
    # `stack` also makes row slices, such as those of embeddings, dense.
    stacked = [tf.stack(rows) for rows in zip(*each, strict=True)]
    gradients, values = combine([sum_over_replicas(g) for g in stacked], own)
    if count > 1:
        gradients = [
            gradient / count if s else gradient
            for gradient, s in zip(gradients, is_shared, strict=True)
        ]
    for variable, value in zip(model.step_state, values, strict=True):
        variable.assign(value)
    model.optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)


def whole_batch(x: Tensor) -> Tensor:
    """The rows of all replicas of a `tf.distribute` strategy."""
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return x
    count, own = replica.num_replicas_in_sync, tf.shape(x)[:1]
    sizes = replica.all_gather(own, axis=0)
    start = tf.reduce_sum(sizes[: replica.replica_id_in_sync_group])
    rows = replica.all_gather(tf.stop_gradient(x), axis=0)

    @tf.custom_gradient
    def scaled(x: Tensor) -> Any:
        return tf.identity(x), lambda g: g * tf.cast(count, g.dtype)

    return tf.concat([rows[:start], scaled(x), rows[start + own[0] :]], axis=0)


def mean_over_replicas(losses: Tensor) -> Tensor:
    """Of losses that Keras has divided by the number of replicas."""
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return losses
    own = losses * replica.num_replicas_in_sync
    constant = tf.stop_gradient(losses)
    return replica.all_reduce("sum", constant) + own - tf.stop_gradient(own)


def sum_over_replicas(x: Tensor) -> Tensor:
    """By the strategy that the step runs in."""
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return x
    return replica.all_reduce("sum", x)


def input_gradient(
    function: Callable, x: Tensor, layer: Any, differentiable: bool
) -> tuple[Tensor, Tensor]:
    """By a tape, which an outer tape sees through; unused parts are pruned."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        y = function(x)
    gradient = tape.gradient(y, x, unconnected_gradients="zero")
    return y, tf.nest.map_structure(dense, gradient)


def gradient_norm(
    function: Callable, x: Tensor, norm: Callable, layer: Any
) -> tuple[Tensor, Tensor]:
    """Reverse over reverse, the faster way here."""
    y, gradient = input_gradient(function, x, layer, True)
    return y, norm(gradient)


def linearized(
    function: Callable, x: Any, layer: Any
) -> tuple[Tensor, Any, Callable]:
    """Reverse mode: the products are differentiated through the gradient."""
    y, gradient = input_gradient(function, x, layer, True)
    constant = keras.tree.map_structure(keras.ops.stop_gradient, gradient)
    return y, constant, functools.partial(inner_product, gradient, y.dtype)


def uncompiled(function: Callable) -> Callable:
    """The function itself."""
    return function


def value_and_gradients(
    function: Callable, variables: Sequence[Any]
) -> tuple[Tensor, Any, list[Tensor]]:
    """By a tape over the variables."""
    values = [v.value for v in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        y, others = function()
    gradients = tape.gradient(y, values, unconnected_gradients="zero")
    # The optimizer adds up those of all replicas.
    count = tf.distribute.get_strategy().num_replicas_in_sync
    return y, others, [dense(g) / count for g in gradients]


def apply_gradients(
    optimizer: Any, gradients: Sequence[Tensor], variables: Sequence[Any]
) -> None:
    """As Keras' trainer does."""
    optimizer.apply(gradients, variables)


def run_step(model: Any, step: Callable, data: Any) -> Any:
    """Run the step: the trainer needs no state."""
    return step(data)


def frechet_distance(moments: list[Tensor]) -> Tensor:
    """As in `_frechet.py`, by operations that XLA compiles."""
    wide = [tf.cast(tensor, "float64") for tensor in moments]
    sums = [a + b for a, b in zip(wide[::2], wide[1::2], strict=True)]
    (n, s, S), (k, r, R) = sums[:3], sums[3:]
    C = (S - tf.tensordot(s, s, 0) / n) / (n - 1)
    D = (R - tf.tensordot(r, r, 0) / k) / (k - 1)
    enough = tf.minimum(n, k) >= 2
    C, D = (tf.where(enough, M, tf.zeros_like(M)) for M in (C, D))
    values, vectors = tf.linalg.eigh(C)
    root = vectors * tf.sqrt(tf.maximum(values, 0.0))
    root = tf.matmul(root, vectors, transpose_b=True)
    common = tf.linalg.eigvalsh(tf.matmul(tf.matmul(root, D), root))
    overlap = tf.reduce_sum(tf.sqrt(tf.maximum(common, 0.0)))
    apart = tf.reduce_sum(tf.square(s / n - r / k))
    distance = apart + tf.linalg.trace(C) + tf.linalg.trace(D) - 2 * overlap
    nan = tf.constant(float("nan"), "float64")
    return tf.cast(tf.where(enough, distance, nan), "float32")


def call_on_host(
    function: Callable, shape: Sequence[Any], dtype: str, *tensors: Tensor
) -> Tensor:
    """By a Python function in the graph, for which XLA has no kernel."""
    graph = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
    if graph is not None and control_flow_util.GraphOrParentsInXlaContext(
        graph
    ):
        raise NotImplementedError(
            "A part that runs on the host cannot be compiled by XLA. Pass "
            "`jit_compile=False` to the model's `compile`, or to `tf.function`."
        )
    result = tf.numpy_function(function, tensors, dtype)
    return tf.ensure_shape(
        result, [size if isinstance(size, int) else None for size in shape]
    )
