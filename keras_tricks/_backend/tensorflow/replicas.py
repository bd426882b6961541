"""What the replicas of a step on TensorFlow tell each other."""

from typing import Any

import tensorflow as tf

Tensor = Any


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
