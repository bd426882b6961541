"""Derivatives along a random direction, against central differences."""

import keras
import numpy as np
from keras import ops

from keras_tricks._backend import value_and_gradients


def slope_error(function, variables, seed=0, step=1e-5):
    """The error of the derivative, relative to its size.

    Args:
        function: From nothing to a scalar that depends on the variables.
        variables: Variables in float64.
        seed: Of the direction.
        step: Of the differences.
    """
    rng = np.random.default_rng(seed)
    start = [ops.convert_to_numpy(v.value) for v in variables]
    along = [rng.normal(size=value.shape) for value in start]
    evaluate = evaluation(function, variables)
    _, gradients = evaluate(start)
    found = sum(np.sum(g * a) for g, a in zip(gradients, along, strict=True))
    values = [
        evaluate([v + sign * a for v, a in zip(start, along, strict=True)])[0]
        for sign in (step, -step)
    ]
    expected = (values[0] - values[1]) / (2 * step)
    return abs(found - expected) / max(abs(expected), 1e-2)


def evaluation(function, variables):
    """Maps values of the variables to the function's and its gradients."""

    def differentiate(values):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        value, _, gradients = value_and_gradients(
            lambda: (function(), ()), variables
        )
        return value, gradients

    def stateless(values):
        with keras.StatelessScope():
            return differentiate(values)

    evaluate = differentiate
    if keras.config.backend() == "jax":
        import jax

        # Once for all values; without, each operation is compiled by itself.
        evaluate = jax.jit(stateless)

    def to_numpy(values):
        value, gradients = evaluate(values)
        arrays = [ops.convert_to_numpy(g) for g in gradients]
        return float(ops.convert_to_numpy(value)), arrays

    return to_numpy
