"""One compiled function for all tries and models of a size.

Without it JAX would compile the loop for every trie, a second each time. The
tables of a `TrieConstraint` are padded to one size and are arguments here; how
they are read is what is tested, and PyTorch runs the samplers as they are.
"""

import contextlib
import unittest.mock

import keras
import numpy as np
from keras import ops

from keras_tricks.samplers import TrieConstraint

BACKEND = keras.config.backend()
# Eager JAX and TensorFlow take a hundred times as long as PyTorch.
EXAMPLES = 12 if BACKEND == "torch" else 4
NODES = 96
_functions = {}


def table_scores(tables, hidden, prompt, cache, index):
    """Scores, features and cache of the next token."""
    last = ops.take(prompt, index - 1, axis=1)
    cache = cache + last
    place = ops.minimum(index, tables.shape[1] - 1)
    logits = (
        ops.take(tables[0], prompt[:, 0], axis=0)
        + ops.take(tables[1], last, axis=0)
        + ops.take(tables[2], place, axis=0)[None]
        + ops.take(tables[3], cache % tables.shape[2], axis=0)
    )
    return logits, ops.take(hidden, last, axis=0), cache


def call(sampler, stop, tables, hidden, inputs):
    """Call a sampler on a toy model, compiled but on PyTorch."""
    tensors = {"tables": tables, "hidden": hidden, **inputs}
    too_short = inputs["prompt"].shape[1] < sampler.constraint.min_length
    if BACKEND == "torch" or too_short:
        tensors = {k: ops.convert_to_tensor(v) for k, v in tensors.items()}
        return run(sampler, stop, tensors)
    key = [str(stop), str({k: np.shape(v) for k, v in tensors.items()})]
    if type(sampler.constraint) is TrieConstraint:
        tensors.update(padded_edges(sampler.constraint))
        config = sampler.get_config()
        config.pop("constraint")
        key += [type(sampler).__name__, str(config)]
    else:
        key.append(id(sampler))
        _functions[id(sampler)] = sampler
    key = tuple(key)
    if key not in _functions:
        _functions[key] = compiled(sampler, stop)
    return _functions[key](tensors)


def padded_edges(constraint):
    """Tables of edges of one size, and what goes with it."""
    edges, size = constraint.edges, constraint.trie.num_nodes
    assert size < NODES
    assert not edges.num_hubs
    starts = np.append(constraint.trie.first_child, [size] * (NODES - size))
    tokens = np.append(constraint.trie.tokens, [-1] * (NODES - size))
    constraint.dead, edges.last = NODES - 1, NODES - 1
    edges.window, edges.widths = 26, [1]
    return {"starts": np.int32(starts), "tokens": np.int32(tokens)}


def run(sampler, stop, tensors):
    """One call of the sampler."""
    tensors = dict(tensors)
    tables, hidden = tensors.pop("tables"), tensors.pop("hidden")

    def next(prompt, cache, index):
        return table_scores(tables, hidden, prompt, cache, index)

    edges = getattr(sampler.constraint, "edges", None)
    with contextlib.ExitStack() as stack:
        for name in ("starts", "tokens"):
            if name in tensors:
                given = unittest.mock.patch.object(
                    edges, name, tensors.pop(name)
                )
                stack.enter_context(given)
        return sampler(next=next, stop_token_ids=stop, **tensors)


def compiled(sampler, stop):
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return tf.function(lambda tensors: run(sampler, stop, tensors))
    import jax

    # As in `generate`: variables are arguments, what is assigned is dropped.
    @jax.jit
    def function(tensors, values):
        mapping = list(zip(sampler.variables, values, strict=True))
        with keras.StatelessScope(mapping):
            return run(sampler, stop, tensors)

    return lambda tensors: function(
        tensors, [v.value for v in sampler.variables]
    )


def compile_once(function):
    """A function of tensors, compiled but on PyTorch."""
    if BACKEND == "jax":
        import jax

        return jax.jit(function)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)
    return function
