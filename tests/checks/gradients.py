"""Gradients of scalar functions of one array, on the running backend."""

import functools

import keras
import numpy as np


def value_and_gradient(function, x, *constants):
    """The value of `function(x, *constants)`, and its gradient at the array.

    A function that is the same object at each call is compiled once on JAX,
    where eager control flow would be compiled at every call.
    """
    backend = keras.config.backend()
    if backend == "jax":
        value, gradient = _compiled(function)(x, *constants)
    elif backend == "tensorflow":
        import tensorflow as tf

        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x, *constants)
        gradient = tf.convert_to_tensor(tape.gradient(value, x))
    else:
        x = keras.ops.convert_to_tensor(np.array(x)).requires_grad_()
        value = function(x, *constants)
        value.backward()
        value, gradient = value.detach(), x.grad
    to_numpy = keras.ops.convert_to_numpy
    return float(to_numpy(value)), to_numpy(gradient)


@functools.cache
def _compiled(function):
    import jax

    return jax.jit(jax.value_and_grad(function))
