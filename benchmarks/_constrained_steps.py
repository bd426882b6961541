"""Steps and whole calls with and without a constraint."""

import keras
import keras_hub
import numpy as np
from keras import ops

from benchmarks._constrained_builds import VOCABULARY
from benchmarks._constrained_peers import END
from benchmarks._report import figure
from benchmarks._turns import figures
from benchmarks._turns import runner
from benchmarks._turns import timed
from keras_tricks.samplers import ConstrainedSampler
from keras_tricks.samplers import TrieConstraint


def prefixes_of(trie, batch, least=0, most=2):
    """Random beginnings of entries, of so many tokens, and their nodes."""
    rng = np.random.default_rng(1)
    entries = [trie.entry(int(n)) for n in rng.integers(0, len(trie), batch)]
    prefixes = [e[: rng.integers(least, most + 1)] for e in entries]
    return prefixes, np.array([trie.node(p) for p in prefixes], "int32")


def random_scores(batch):
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(batch, VOCABULARY)).astype("float32")
    return ops.convert_to_tensor(scores)


def variants(tries, batch, score, inputs):
    """Functions that run one greedy step, by the size of the trie."""

    def alone(node, *inputs):
        return node, ops.argmax(score(*inputs), axis=-1)

    def constrained(constraint):
        def step(node, *inputs):
            allowed = constraint.allowed(node)
            scores = ops.where(allowed, score(*inputs), -1e9)
            token = ops.cast(ops.argmax(scores, axis=-1), "int32")
            return constraint.advance(node, token), token

        return step

    found = {}
    for size, trie in tries.items():
        _, nodes = prefixes_of(trie, batch)
        nodes = ops.convert_to_tensor(nodes)
        if not found:
            found["no constraint"] = runner(alone, [nodes, *inputs])
        constraint = TrieConstraint(trie, VOCABULARY, END)
        found[f"{size:,} entries"] = runner(
            constrained(constraint), [nodes, *inputs]
        )
    return found


def added_rows(title, found):
    """The step, and what each trie adds to it, of the processor's time."""
    made = figures(title, found, label="{}")
    alone = found.pop("no constraint").processor
    least = None
    for name, times in found.items():
        added = times.processor - alone
        least = least or added
        made += [
            figure(title, name, "added", added, "ms"),
            figure(title, name, "of the step", 100 * added / alone, "%"),
        ]
        if least > alone / 20:  # Else it is noise.
            ratio = added / least
            made.append(figure(title, name, "of the smallest's", ratio, "×"))
    return made


def step_rows(tries, batch, repeats):
    """Steps over scores that are there already."""
    scores = random_scores(batch)
    steps = variants(tries, batch, lambda scores: scores, [scores])
    title = f"A greedy step over given scores, batch {batch}, 32,000 tokens"
    return added_rows(title, timed(steps, 3 * repeats))


def decoder_rows(tries, repeats, quick, batch=64, length=32):
    """Steps of a decoder of GPT-2 small's size, with its cache."""
    layers = 2 if quick else 12
    backbone = keras_hub.models.GPT2Backbone(
        VOCABULARY, layers, 12, 768, 3072, 0.0, length
    )
    model = keras_hub.models.GPT2CausalLM(backbone, preprocessor=None)
    cache = np.zeros((batch, layers, 2, length, 12, 64), "float32")
    tokens = np.full((batch, 1), 5, "int32")

    def score(tokens, cache):
        return model.call_with_cache(tokens, cache, length // 2)[0][:, 0]

    inputs = [ops.convert_to_tensor(x) for x in (tokens, cache)]
    steps = variants(tries, batch, score, inputs)
    title = f"A step of a decoder of GPT-2 small's size, batch {batch}"
    return added_rows(title, timed(steps, repeats))


class Copied(ConstrainedSampler):
    """With the tables among its variables, where they do not belong."""

    @property
    def variables(self):
        if not hasattr(self, "_tables"):
            trie = self.constraint.trie
            self._tables = [
                keras.Variable(x, trainable=False, dtype="int32")
                for x in (trie.tokens, trie.first_child)
            ]
        return [*super().variables, *self._tables]


def generate_rows(tries, repeats):
    """Whole calls of a tiny model, eight tokens for eight rows."""
    backbone = keras_hub.models.GPT2Backbone(VOCABULARY, 1, 2, 16, 32, 0.0, 16)
    inputs = {
        "token_ids": np.full((8, 16), 5, "int32"),
        "padding_mask": np.repeat(np.arange(16)[None] < 8, 8, 0).astype(
            "int32"
        ),
    }

    def call(sampler):
        model = keras_hub.models.GPT2CausalLM(backbone, preprocessor=None)
        model.compile(sampler=sampler)
        return lambda: model.generate(dict(inputs), stop_token_ids=(END,))

    steps = {"no constraint": call("greedy")}
    for size, trie in tries.items():
        constraint = TrieConstraint(trie, VOCABULARY, END)
        steps[f"{size:,} entries"] = call(
            ConstrainedSampler("greedy", constraint)
        )
    largest = f"{max(tries):,} entries, tables as variables"
    steps[largest] = call(Copied("greedy", constraint))
    title = "A call of `generate` of a tiny model, 8 × 8 tokens"
    return figures(title, timed(steps, repeats))
