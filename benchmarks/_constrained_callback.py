"""Hugging Face's `prefix_allowed_tokens_fn`, a Python call for each row."""

import numpy as np
from keras import ops

from benchmarks._constrained_peers import END
from benchmarks._constrained_steps import prefixes_of
from benchmarks._constrained_steps import random_scores
from benchmarks._report import figure
from benchmarks._turns import figures
from benchmarks._turns import runner
from benchmarks._turns import timed
from keras_tricks.samplers import TrieConstraint

NAME = "Hugging Face, a tree of dicts"
MASK, LIST = "TrieConstraint", "TrieConstraint.candidates"
# A tree of dicts takes a kilobyte an entry.
LARGEST = 1_000_000
# Tokens generated so far: the first nodes have the most children.
PLACES = {
    "0 to 2 tokens": (0, 2),
    "0 tokens": (0, 0),
    "2 tokens": (2, 2),
    "4 tokens": (4, 4),
}


def rows(tries, repeats, batch=64):
    """One call of its processor, on PyTorch, beside constraints here."""
    title = f"Masking the scores of {batch} rows, 32,000 tokens"
    size = max((n for n in tries if n <= LARGEST), default=min(tries))
    try:
        import torch
        from transformers import PrefixConstrainedLogitsProcessor
    except ImportError:
        reason = "transformers is not installed"
        return [figure(title, NAME, "time", None, note=reason)]
    trie, scores = tries[size], random_scores(batch)
    constraint = TrieConstraint(trie, scores.shape[1], END)
    tree, widths = tree_of(trie), constraint.fan_outs
    ids = torch.zeros((batch, 1), dtype=torch.long)
    theirs = torch.from_numpy(np.array(ops.convert_to_numpy(scores)))
    made = []
    for column, (least, most) in PLACES.items():
        prefixes, nodes = prefixes_of(trie, batch, least, most)
        processor = PrefixConstrainedLogitsProcessor(
            callback(tree, prefixes), num_beams=1
        )
        mask, candidates = own(constraint, max(widths[least : most + 1]))
        inputs = [ops.convert_to_tensor(nodes), scores]
        with torch.no_grad():
            expected = np.isfinite(processor(ids, theirs).numpy())
            allowed = ops.convert_to_numpy(constraint.allowed(inputs[0]))
            assert (allowed == expected).all()
            found = timed(
                {
                    MASK: runner(mask, inputs),
                    LIST: runner(candidates, inputs),
                    NAME: lambda call=processor: call(ids, theirs),
                },
                repeats,
            )
        label = f"{{}}, {size:,} entries"
        made += figures(title, found, MASK, column, label)
    return made


def tree_of(trie):
    """The entries and their ends as nested dicts."""
    tree = {}
    for entry in trie:
        node = tree
        for token in (*entry, END):
            node = node.setdefault(token, {})
    return tree


def callback(tree, prefixes):
    """What the processor asks: a row's tokens that may come next."""

    def allowed(row, ids):
        node = tree
        for token in prefixes[row]:
            node = node[token]
        return list(node)

    return allowed


def own(constraint, width):
    """The constraint as a mask of the vocabulary, and as a list."""

    def mask(node, scores):
        return [ops.where(constraint.allowed(node), scores, -1e9)]

    def candidates(node, scores):
        token, child, present = constraint.candidates(node, width)
        score = ops.take_along_axis(scores, token, axis=1)
        return ops.where(present, score, -1e9), token, child

    return mask, candidates
