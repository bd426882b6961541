"""Draw a prefix tree, and what a constraint allows on the way through it."""

import itertools

import keras
import numpy as np

from _style import pyplot
from _style import save
from keras_tricks.samplers import Trie
from keras_tricks.samplers import TrieConstraint

ENTRIES = [
    "capital of France",
    "capital of Peru",
    "author of Emma",
    "author of Dune",
    "author",
    "area of France",
]
END = 1
ANSWER = "author of Dune"


def layout(children):
    """A place for each node: leaves side by side, parents above them."""
    places, leaves = {}, []

    def place(node, depth):
        for child in children[node]:
            place(child, depth + 1)
        if children[node]:
            row = np.mean([places[child][1] for child in children[node]])
        else:
            row = -len(leaves)
            leaves.append(node)
        places[node] = (depth, float(row))

    place(0, 0)
    return places


def main():
    words = sorted({w for entry in ENTRIES for w in entry.split()})
    number = {word: n for n, word in enumerate(words, 2)}
    names = {END: "end", -1: "end", **{n: w for w, n in number.items()}}
    trie = Trie([[number[w] for w in entry.split()] for entry in ENTRIES])
    edges = itertools.pairwise(trie.first_child.tolist())
    children = [range(first, last) for first, last in edges]
    places = layout(children)
    constraint = TrieConstraint(trie, len(number) + 2, END)

    path, allowed = [0], []
    state = constraint.initial_state(1)
    for token in [*(number[w] for w in ANSWER.split()), END]:
        mask = keras.ops.convert_to_numpy(constraint.allowed(state))[0]
        allowed.append([names[t] for t in np.flatnonzero(mask)])
        state = constraint.advance(state, keras.ops.array([token], "int32"))
        path.append(int(keras.ops.convert_to_numpy(state)[0]))

    figure, axis = pyplot.subplots(figsize=(10, 4.4))
    for node, below in enumerate(children):
        x, y = places[node]
        for child in below:
            u, v = places[child]
            walked = node in path and child in path
            axis.plot(
                [x, u],
                [y, v],
                color="C1" if walked else "0.8",
                lw=3 if walked else 1.2,
                zorder=0,
            )
        token = int(trie.tokens[node])
        label = "start" if node == 0 else names[token]
        axis.text(
            x,
            y,
            label,
            ha="center",
            va="center",
            color="0.5" if token == -1 else "k",
            bbox=dict(
                boxstyle="round",
                fc="#ffe3cc" if node in path else "white",
                ec="C1" if node in path else "0.7",
            ),
        )
    lowest = min(y for _, y in places.values())
    for step, tokens in enumerate(allowed):
        axis.text(
            step + 1,
            lowest - 1.1,
            f"step {step + 1} allows\n" + ", ".join(tokens),
            ha="center",
            va="top",
            fontsize=9,
        )
    axis.set_xlim(-0.4, 4.5)
    axis.set_ylim(lowest - 2.3, 0.6)
    axis.axis("off")
    save(figure, "prefix_tree")


if __name__ == "__main__":
    main()
