"""Steps of training on TensorFlow."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_tricks._backend.tensorflow.replicas import sum_over_replicas
from keras_tricks._backend.tensorflow.storage import dense

Tensor = Any


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
