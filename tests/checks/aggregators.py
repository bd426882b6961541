"""Gradients of every kind, their exact aggregates, and compiled weights."""

import functools
import json

import keras
import numpy as np


def gradients(kind, num_tasks, seed):
    """Rows `g_i`, random but for what `kind` says of them."""
    rng = np.random.default_rng([seed, num_tasks])
    g = rng.normal(size=(num_tasks, 2 * num_tasks + 4))
    scale = 10.0 ** rng.uniform(-3, 3, (num_tasks, 1))
    scale[:2, 0] = 1e-3, 1e3
    sizes = np.where(np.arange(num_tasks) % 2, 1e3, 1e-3)[:, None]
    if kind == "few directions":
        g = rng.normal(size=(num_tasks, num_tasks // 2 + 1))
    elif kind == "zero":
        g[-1] = 0
    elif kind == "duplicate":
        g[-1] = g[0]
    elif kind == "parallel":
        g[-1] = 3 * g[0]
    elif kind == "opposite":
        g[-1] = -g[0]
    elif kind == "antiparallel":
        g[-1] = -3 * g[0]
    elif kind == "conflicting":
        g -= 0.97 * g.mean(axis=0)
    elif kind == "aligned":
        g = 0.1 * g + rng.normal(size=(1, g.shape[1]))
    elif kind == "two sizes":
        g *= sizes
    elif kind == "unequal":
        g *= scale
    elif kind == "unequal and aligned":
        g = scale * (0.1 * g + rng.normal(size=(1, g.shape[1])))
    return g


KINDS = (
    "random",
    "few directions",
    "zero",
    "duplicate",
    "parallel",
    "opposite",
    "antiparallel",
    "conflicting",
    "aligned",
    "two sizes",
    "unequal",
    "unequal and aligned",
)


def nonnegative_least_squares(rows, b):
    """The `x ≥ 0` with the smallest `‖Σ_i x_i rows_i − b‖`: Lawson, Hanson."""
    x = np.zeros(len(rows))
    passive, spanned = np.zeros((2, len(x)), bool)
    for _ in range(20 * len(x)):
        slope = rows @ (b - x @ rows)
        slope[passive | spanned] = 0
        entering = slope.argmax()
        if slope[entering] <= 1e-12:
            break
        passive[entering] = True
        s = least_squares(rows, b, passive)
        if s[entering] <= 0:
            # Its slope was rounding.
            passive[entering], spanned[entering] = False, True
            continue
        spanned[:] = False
        while (s[passive] <= 0).any():
            low = passive & (s <= 0)
            x = x + (x[low] / (x[low] - s[low])).min() * (s - x)
            passive &= x > 1e-14
            s = least_squares(rows, b, passive)
        x = s
    return x


def least_squares(rows, b, passive):
    x = np.zeros(len(rows))
    x[passive] = np.linalg.lstsq(rows[passive].T, b, rcond=1e-12)[0]
    return x


def unit(g):
    n = np.linalg.norm(g, axis=1)
    return g / n[:, None], n


def shortest(g, others=()):
    """The shortest convex combination, plus any amounts ≥ 0 of `others`."""
    rows = np.vstack([g, *(np.atleast_2d(x) for x in others)])
    unit_rows, n = unit(rows)
    a = n[: len(g)].min() / n
    convex = np.where(np.arange(len(rows)) < len(g), a, 0)
    target = np.r_[np.zeros(rows.shape[1]), 1.0]
    y = nonnegative_least_squares(np.c_[unit_rows, convex], target)
    return (y * a / (y @ convex)) @ rows


def nearest_without_conflict(x, g):
    """The vector nearest to `x` that no row of `g` is at odds with."""
    unit_g, _ = unit(g)
    size = np.linalg.norm(x)
    return x + size * (nonnegative_least_squares(unit_g, -x / size) @ unit_g)


def nearest_with_gain(x, unit_g, gain):
    """The `d` nearest to `x` with `⟨ĝ_j, d⟩ ≥ gain_j`; None if none is near."""
    rows = np.c_[unit_g, gain - unit_g @ x]
    target = np.r_[np.zeros(len(x)), 1.0]
    r = nonnegative_least_squares(rows, target) @ rows - target
    return None if -r[-1] < 1e-3 else x - r[:-1] / r[-1]


def weights_of(aggregator, gram):
    """The weights as float64, by a function that is compiled once."""
    described = keras.saving.serialize_keras_object(aggregator)
    gram = np.asarray(gram, "float32")
    call = compiled(json.dumps(described), len(gram) <= 3)
    return keras.ops.convert_to_numpy(call(gram)).astype("float64")


@functools.cache
def compiled(described, by_xla):
    aggregator = keras.saving.deserialize_keras_object(json.loads(described))
    if keras.config.backend() == "jax":
        import jax

        return jax.jit(aggregator.__call__)
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(aggregator.__call__, jit_compile=by_xla)
    return aggregator


def aggregate(aggregator, g):
    """`Σ_i w_i g_i` for rows `g_i`, their Gram matrix rounded to float32."""
    return weights_of(aggregator, g @ g.T) @ g
