"""One compiled function for all tries and models of a size.

Without it JAX would compile the loop for every trie, a second each time. The
tables of a constraint are padded to one size and are arguments here; how they
are read is what is tested, and PyTorch runs the samplers as they are.
"""

import contextlib
import functools
import unittest.mock

import keras
import numpy as np
from keras import ops

from keras_tricks.samplers import LookAheadConstraint
from keras_tricks.samplers import PassageConstraint
from keras_tricks.samplers import TokenAutomaton
from keras_tricks.samplers import TrieConstraint

BACKEND = keras.config.backend()
# Eager JAX and TensorFlow take a hundred times as long as PyTorch.
EXAMPLES = 12 if BACKEND == "torch" else 4
NODES = 96
PADDED = (
    LookAheadConstraint,
    PassageConstraint,
    TokenAutomaton,
    TrieConstraint,
)
TABLES = "starts tokens _targets leaves first counts parents".split()
FILL = {"tokens": -1, "parents": -1}
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
    constraint = sampler.constraint
    too_short = inputs["prompt"].shape[1] < constraint.min_length
    if BACKEND == "torch" or too_short:
        tensors = {k: ops.convert_to_tensor(v) for k, v in tensors.items()}
        return run(sampler, stop, tensors, {})
    config = sampler.get_config() if type(constraint) in PADDED else {}
    config.pop("constraint", id(sampler))
    key = type(sampler), str(config), stop, signature(constraint, tensors)
    padded = padded_tables(constraint)
    if key not in _functions:
        _functions[key] = compiled(sampler, stop)
    return _functions[key](tensors, padded, sampler.variables)


class Steps:
    """The steps of a constraint; JAX compiles them once for all of a size."""

    def __init__(self, constraint):
        self.constraint = constraint
        self.initial_state = constraint.initial_state

    def __getattr__(self, name):
        method = getattr(self.constraint, name)
        if BACKEND != "jax":
            return method
        return functools.partial(self._call, name)

    def _call(self, name, *arguments):
        numbers = [x for x in arguments if isinstance(x, int)]
        key = name, str(numbers), signature(self.constraint, {})
        padded = padded_tables(self.constraint)
        if key not in _functions:
            constraint = self.constraint

            def function(padded, tensors):
                with tables_in(constraint, padded):
                    return getattr(constraint, name)(*tensors, *numbers)

            _functions[key] = compile_once(function)
        return _functions[key](padded, arguments[: -len(numbers) or None])


def signature(constraint, tensors):
    """What a compiled function depends on, apart from values in tables."""
    if type(constraint) not in PADDED:
        _functions[id(constraint)] = constraint  # So that no other has its id.
        return id(constraint)
    pad(constraint)
    edges = getattr(constraint, "edges", None)
    numbers = {**vars(constraint), **(vars(edges) if edges else {})}
    return (
        type(constraint),
        str({k: v for k, v in numbers.items() if isinstance(v, int)}),
        str([v.shape for v in constraint.variables]),
        str({k: np.shape(v) for k, v in tensors.items()}),
        edges and tuple(edges.hub_rows.shape),
    )


def pad(constraint):
    """Make the numbers of a trie's constraint those of the largest one."""
    edges = getattr(constraint, "edges", None)
    if edges is None or edges.num_hubs or edges.last >= NODES:
        return
    if isinstance(constraint, TrieConstraint):
        constraint.dead = NODES - 1
    edges.last, edges.window, edges.widths = NODES - 1, 26, [1]


def padded_tables(constraint):
    """The constraint's tables, with room for the largest."""
    found = {}
    owners = {
        "edges": getattr(constraint, "edges", None),
        "completions": getattr(constraint, "completions", None),
        "": constraint,
    }
    for prefix, owner in owners.items():
        for name in TABLES if owner is not None else ():
            table = getattr(owner, name, None)
            if table is not None and keras.ops.is_tensor(table):
                table = ops.convert_to_numpy(table)
                more = max(NODES + 1 - len(table), 0)
                # Nodes beyond the last have no edges, no parents, no leaves.
                fill = table[-1] if name == "starts" else FILL.get(name, 0)
                found[prefix, name] = np.append(table, [fill] * more)
    return {key: np.int32(table) for key, table in found.items()}


@contextlib.contextmanager
def tables_in(constraint, padded):
    """Let a constraint read these tables."""
    with contextlib.ExitStack() as stack:
        for (prefix, name), table in padded.items():
            owner = getattr(constraint, prefix) if prefix else constraint
            stack.enter_context(unittest.mock.patch.object(owner, name, table))
        yield


def run(sampler, stop, tensors, padded):
    """One call of the sampler."""
    tensors = dict(tensors)
    tables, hidden = tensors.pop("tables"), tensors.pop("hidden")

    def next(prompt, cache, index):
        return table_scores(tables, hidden, prompt, cache, index)

    with tables_in(sampler.constraint, padded):
        return sampler(next=next, stop_token_ids=stop, **tensors)


def compiled(sampler, stop):
    if BACKEND == "tensorflow":
        import tensorflow as tf

        # Another sampler's variables are other ones: their values are given.
        function = tf.function(
            lambda tensors, padded: run(sampler, stop, tensors, padded)
        )

        def call_with(tensors, padded, variables):
            for own, other in zip(sampler.variables, variables, strict=True):
                own.assign(other)
            return function(tensors, padded)

        return call_with
    import jax

    # As in `generate`: variables are arguments, what is assigned is dropped.
    @jax.jit
    def function(tensors, padded, values):
        mapping = list(zip(sampler.variables, values, strict=True))
        with keras.StatelessScope(mapping):
            return run(sampler, stop, tensors, padded)

    return lambda tensors, padded, variables: function(
        tensors, padded, [v.value for v in variables]
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
