"""An alphabet in which tokens are letters and entries are words."""

import numpy as np

# Padding is written as `_`, the end as `.`.
LETTERS = "abcdefghijklmnopqrstuvwxyz_."
PAD, END = 26, 27
VOCABULARY = 28
WORDS = ("bee", "bead", "be", "cab", "cabbed", "a")


def spell(word):
    """Token ids of a word."""
    return [LETTERS.index(letter) for letter in word]


def read(ids):
    """The word that token ids spell."""
    return "".join(LETTERS[int(i)] for i in np.asarray(ids))


def until_end(ids):
    """The word before the first end, None if there is no end."""
    text = read(ids)
    return text.split(".")[0] if "." in text else None
