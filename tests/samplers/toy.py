"""A language model of tables, whose probabilities NumPy can tell too."""

import keras
import numpy as np
from keras import ops

from tests.samplers.compiled import call
from tests.samplers.compiled import table_scores
from tests.samplers.words import END
from tests.samplers.words import PAD
from tests.samplers.words import VOCABULARY
from tests.samplers.words import spell


class ToyModel:
    """Scores from the first token, the last one, the place and the sum of all.

    The sum is kept in the cache: it is right only if the cache follows the
    beams.
    """

    def __init__(self, seed, length=12, vocabulary=VOCABULARY):
        rng = np.random.default_rng(seed)
        shape = (4, max(vocabulary, length), vocabulary)
        self.tables = rng.normal(size=shape).astype("float32") * 1.5
        self.hidden = rng.normal(size=(vocabulary, 5)).astype("float32")
        self.vocabulary = vocabulary

    def logits(self, tokens):
        """Scores of what follows, in float64."""
        first, last, place, total = self.tables.astype("float64")
        modulo = sum(tokens) % self.vocabulary
        return (
            first[tokens[0]]
            + last[tokens[-1]]
            + place[len(tokens)]
            + (total[modulo])
        )

    def log_probs(self, tokens, allowed=None):
        """Log-probabilities of what follows, of the allowed tokens only."""
        z = self.logits(tokens)
        if allowed is not None:
            z = np.where(np.isin(np.arange(len(z)), allowed), z, -np.inf)
        top = z.max()
        return z - top - np.log(np.exp(z - top).sum())

    def next(self, prompt, cache, index):
        """What a KerasHub sampler calls."""
        tables = ops.convert_to_tensor(self.tables)
        return table_scores(
            tables, ops.convert_to_tensor(self.hidden), prompt, cache, index
        )

    def sample(self, sampler, prompts, length, pad=PAD, stop=(END,)):
        """Call a sampler as `generate` does, on lists of tokens."""
        sizes = [len(p) for p in prompts]
        rows = np.full((len(prompts), length), pad, "int32")
        for row, prompt in zip(rows, prompts, strict=True):
            row[: len(prompt)] = prompt
        inputs = {
            "prompt": rows,
            "cache": rows[:, : min(sizes) - 1].sum(axis=1).astype("int32"),
            "index": np.int32(min(sizes)),
            "mask": np.arange(length) < np.c_[sizes],
            "hidden_states": self.hidden[rows],
        }
        result = call(sampler, stop, self.tables, self.hidden, inputs)
        return keras.tree.map_structure(ops.convert_to_numpy, result)


def random_words(rng, count=8, letters="abc", longest=4):
    """Words that often begin alike."""
    return [
        "".join(rng.choice(list(letters), rng.integers(1, longest + 1)))
        for _ in range(rng.integers(1, count + 1))
    ]


def random_prompts(rng, batch=3):
    """Prompts of one to three letters."""
    return [
        [int(t) for t in rng.integers(0, 26, rng.integers(1, 4))]
        for _ in range(batch)
    ]


def best_words(model, words, prompt, normalization="global", penalty=0.0):
    """All words with their scores, best first: exhaustive search."""
    entries = {tuple(spell(word)) for word in words}
    full = [(*entry, END) for entry in entries]
    scored = []
    for entry in full:
        total = 0.0
        for n, token in enumerate(entry):
            allowed = {e[n] for e in full if e[:n] == entry[:n] and len(e) > n}
            only = sorted(allowed) if normalization == "local" else None
            total += model.log_probs([*prompt, *entry[:n]], only)[token]
        scored.append((total / len(entry) ** penalty, entry[:-1]))
    return sorted(scored, reverse=True)
