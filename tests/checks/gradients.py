"""Gradients of scalar functions of one array, on the running backend."""

import keras
import numpy as np


def value_and_gradient(function, x):
    """The value of `function` at the array `x`, and its gradient there."""
    backend = keras.config.backend()
    if backend == "jax":
        import jax

        value, gradient = jax.value_and_grad(function)(jax.numpy.asarray(x))
    elif backend == "tensorflow":
        import tensorflow as tf

        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        gradient = tf.convert_to_tensor(tape.gradient(value, x))
    else:
        x = keras.ops.convert_to_tensor(np.array(x)).requires_grad_()
        value = function(x)
        value.backward()
        gradient = x.grad
    to_numpy = keras.ops.convert_to_numpy
    if backend == "torch":
        value = value.detach()
    return float(to_numpy(value)), to_numpy(gradient)
