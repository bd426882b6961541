"""The same task by STATIC: its builder's module, its kernel."""

import importlib
import sys
from pathlib import Path

import keras
import numpy as np
from keras import ops

from benchmarks._report import figure
from benchmarks._turns import figures
from benchmarks._turns import runner
from benchmarks._turns import timed
from keras_tricks.samplers import Trie
from keras_tricks.samplers import TrieConstraint

END = 1


def static_module(folder, name):
    """A module of STATIC, or why there is none."""
    if not folder or not (Path(folder) / "static_decoding").is_dir():
        return "no clone of STATIC's repository was named"
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(f"static_decoding.{name}")


def static_rows(folder, quick, repeats):
    """Candidates of nodes below the second token, by both kernels."""
    title = "Candidates and their scores, 1,000,000 × 8 tokens, on JAX"
    if keras.config.backend() != "jax":
        return []
    csr = static_module(folder, "csr_utils")
    if isinstance(csr, str):
        return [figure(title, "STATIC's kernel", "64 rows", None, note=csr)]
    kernel = static_module(folder, "decoding_jax")
    made = []
    for vocabulary, layers in ((2048, 2), (32_000, 1)):
        size = 20_000 if quick else 1_000_000
        rng = np.random.default_rng(0)
        table = rng.integers(2, vocabulary, (size, 8), dtype="int32")
        table = table[np.lexsort(table.T[::-1])]
        index = csr.build_static_index(table, vocabulary, layers)
        # Entries of STATIC have no end token: here it is one more.
        constraint = TrieConstraint(Trie(table), vocabulary + 1, vocabulary)
        for batch in (64, 512, 4096):
            steps = kernels(kernel, index, constraint, table, batch)
            found = timed(steps, 10 * repeats)
            made += figures(
                title,
                found,
                "TrieConstraint.candidates",
                f"{batch:,} rows",
                f"{{}}, {vocabulary:,} tokens",
            )
    return made


def kernels(kernel, index, constraint, table, batch):
    """Both kernels on the same nodes, found to give the same."""
    import jax

    packed, starts, limits, *_ = index
    vocabulary = constraint.end_token_id
    rng = np.random.default_rng(1)
    prefixes = table[rng.integers(0, len(table), batch), :2]
    fan_out = constraint.fan_outs[2]
    assert fan_out == limits[2]
    nodes = np.array([constraint.trie.node(p) for p in prefixes], "int32")
    states = states_of(index, prefixes)
    scores = rng.normal(size=(batch, vocabulary)).astype("float32")

    def own(scores, node):
        token, child, present = constraint.candidates(node, fan_out)
        place = ops.minimum(token, vocabulary - 1)
        score = ops.take_along_axis(scores, place, axis=1)
        return ops.where(present, score, -np.inf), token, child

    def theirs(scores, state, packed, starts):
        return kernel.generate_and_apply_logprobs_mask(
            scores, state, packed, starts, fan_out, vocabulary
        )

    ours = [jax.device_put(x) for x in (scores, nodes)]
    peers = [jax.device_put(x) for x in (scores, states, packed, starts)]
    mine, other = jax.jit(own)(*ours), jax.jit(theirs)(*peers)
    np.testing.assert_array_equal(mine[0], other[0])
    return {
        "TrieConstraint.candidates": runner(own, ours),
        "STATIC's kernel": runner(theirs, peers),
    }


def states_of(index, prefixes):
    """STATIC's states after two tokens."""
    packed, starts, *_ = index
    found = []
    for first, second in prefixes:
        edges = packed[starts[first + 1] : starts[first + 2]]
        found.append(edges[edges[:, 0] == second, 1][0])
    return np.array(found, "int32")
