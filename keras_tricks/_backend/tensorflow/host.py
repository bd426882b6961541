"""What runs outside a compiled function, on TensorFlow."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

Tensor = Any


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


def in_xla() -> bool:
    """Whether the function that is traced will be compiled by XLA."""
    if tf.executing_eagerly():
        return False
    # No public name tells it. Imported here, so that a release without it
    # breaks what runs on the host, and nothing else.
    from tensorflow.python.ops import control_flow_util

    graph = tf.compat.v1.get_default_graph()
    return control_flow_util.GraphOrParentsInXlaContext(graph)


def call_on_host(
    function: Callable, shape: Sequence[Any], dtype: str, *tensors: Tensor
) -> Tensor:
    """By a Python function in the graph, for which XLA has no kernel."""
    if in_xla():
        raise NotImplementedError(
            "A part that runs on the host cannot be compiled by XLA. Pass "
            "`jit_compile=False` to the model's `compile`, or to `tf.function`."
        )
    result = tf.numpy_function(function, tensors, dtype)
    return tf.ensure_shape(
        result, [size if isinstance(size, int) else None for size in shape]
    )
