"""The steps that `constrained_decoding` times."""

import time

import keras
import keras_hub
import numpy as np
from keras import ops

from benchmarks.constrained_decoding import END
from benchmarks.constrained_decoding import VOCABULARY
from keras_tricks.samplers import Trie
from keras_tricks.samplers import TrieConstraint


def make_rows(size, shortest=4, longest=12):
    """Token rows of Zipf's frequencies; half share their first tokens."""
    rng = np.random.default_rng(0)
    frequency = 1 / np.arange(2, VOCABULARY)
    lengths = rng.integers(shortest, longest + 1, size)
    flat = 2 + rng.choice(
        VOCABULARY - 2, int(lengths.sum()), p=frequency / frequency.sum()
    )
    starts = np.cumsum(lengths) - lengths
    shared = np.flatnonzero(rng.random(size) < 0.5)
    stem = starts[rng.integers(0, max(size // 20, 1), shared.size)]
    for n in range(3):
        flat[starts[shared] + n] = flat[stem + n]
    return np.split(flat.astype("int32"), starts[1:])


def make_trie(size):
    return Trie(make_rows(size))


def build_rows(size):
    """Seconds from arrays and from lists, and bytes."""
    arrays = make_rows(size)
    inputs = {"from arrays": arrays}
    if size <= 1_000_000:
        inputs["from lists"] = [row.tolist() for row in arrays]
    for name, rows in inputs.items():
        started, busy = time.perf_counter(), time.process_time()
        trie = Trie(rows)
        yield {
            "job": "build",
            "variant": name,
            "size": size,
            "seconds": time.perf_counter() - started,
            "cpu_seconds": time.process_time() - busy,
            "nodes": trie.num_nodes,
            "bytes": trie.tokens.nbytes + trie.first_child.nbytes,
        }


def variants(job, trie, batch):
    """Functions that run one step, by name."""
    constraint = TrieConstraint(trie, VOCABULARY, END)
    rng = np.random.default_rng(1)
    prefixes = [trie.entry(int(n)) for n in rng.integers(0, len(trie), batch)]
    prefixes = [p[: rng.integers(0, 3)] for p in prefixes]
    nodes = np.array([trie.node(p) for p in prefixes], "int32")
    score, inputs = decoder(batch) if job == "decoder" else plain(batch)

    def alone(node, *inputs):
        return node, ops.argmax(score(*inputs), axis=-1)

    def constrained(node, *inputs):
        allowed = constraint.allowed(node)
        token = ops.argmax(ops.where(allowed, score(*inputs), -1e9), axis=-1)
        return constraint.advance(node, ops.cast(token, "int32")), token

    inputs = [ops.convert_to_tensor(x) for x in (nodes, *inputs)]
    steps = {
        "alone": runner(alone, inputs),
        "TrieConstraint": runner(constrained, inputs),
    }
    if job == "step" and keras.config.backend() == "torch":
        steps["Hugging Face"] = hugging_face(trie, prefixes, inputs[1])
    return steps


def plain(batch):
    """Scores that are there already."""
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(batch, VOCABULARY)).astype("float32")
    return lambda logits: logits, [logits]


def decoder(batch, length=32):
    """A step of a decoder of GPT-2 small's size, with its cache."""
    backbone = keras_hub.models.GPT2Backbone(
        VOCABULARY, 12, 12, 768, 3072, 0.0, length
    )
    model = keras_hub.models.GPT2CausalLM(backbone, preprocessor=None)
    cache = np.zeros((batch, 12, 2, length, 12, 64), "float32")
    tokens = np.full((batch, 1), 5, "int32")

    def score(tokens, cache):
        return model.call_with_cache(tokens, cache, length // 2)[0][:, 0]

    return score, [tokens, cache]


def runner(function, inputs):
    """Run to the end, compiled but on PyTorch."""
    backend = keras.config.backend()
    if backend == "jax":
        import jax

        compiled = jax.jit(function)
        return lambda: jax.block_until_ready(compiled(*inputs))
    if backend == "tensorflow":
        import tensorflow as tf

        compiled = tf.function(function, jit_compile=True)
        return lambda: compiled(*inputs)[1].numpy()
    import torch

    def run():
        with torch.no_grad():
            return function(*inputs)[1].cpu()

    return run


def hugging_face(trie, prefixes, logits):
    """One call of its processor with a tree of dicts, or why not."""
    if len(trie) > 200_000:
        return "a tree of dicts of this size takes gigabytes"
    try:
        from transformers import PrefixConstrainedLogitsProcessor
    except ImportError:
        return "transformers is not installed"
    import torch

    tree = {}
    for entry in trie:
        node = tree
        for token in (*entry, END):
            node = node.setdefault(token, {})

    def allowed(row, ids):
        node = tree
        for token in prefixes[row]:
            node = node[token]
        return list(node)

    processor = PrefixConstrainedLogitsProcessor(allowed, num_beams=1)
    ids = torch.zeros((len(prefixes), 1), dtype=torch.long)
    return lambda: processor(ids, logits).argmax(dim=-1)
