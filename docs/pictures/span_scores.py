"""Draw the scores of all spans of a sentence in which names are nested."""

import keras
import numpy as np

from _style import pyplot
from _style import save
from keras_tricks.layers import GlobalPointer
from keras_tricks.losses import SpanCrossentropy

PLACES = ["New York", "London", "New Delhi", "Paris", "South Korea", "Oslo"]
PEOPLE = ["Ada Smith", "Bob", "Grace Hill", "Lin", "Mary Ann Lee"]
WORDS = "the hired from in who left for near and of University Bank City met"
TYPES = ["person", "place", "organisation"]
LENGTH = 16


def sentence(rng, places=PLACES, people=PEOPLE):
    """Words, and spans `(type, first word, last word)`, nested ones too."""
    words, spans = [], []

    def say(text, kind=None):
        first = len(words)
        words.extend(text.split())
        if kind is not None:
            spans.append((kind, first, len(words) - 1))

    def organisation():
        first = len(words)
        say(rng.choice(["University of", "Bank of", "City of"]))
        say(rng.choice(places), 1)
        spans.append((2, first, len(words) - 1))

    for part in rng.permutation(3)[: rng.integers(2, 4)]:
        if part == 0:
            say(rng.choice(people), 0)
            say(rng.choice(["met", "left", "hired"]))
        elif part == 1:
            say(rng.choice(["the", "near the", "from the"]))
            organisation()
        else:
            say(rng.choice(["in", "from", "near"]))
            say(rng.choice(places), 1)
    return words[:LENGTH], [s for s in spans if s[2] < LENGTH]


def main():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    texts = [*PLACES, *PEOPLE, WORDS]
    known = sorted({w for text in texts for w in text.split()})
    number = {word: n for n, word in enumerate(known, 1)}
    rows = [sentence(rng) for _ in range(1500)]
    x = np.zeros((len(rows), LENGTH), "int32")
    y = np.full((len(rows), 6, 3), -1, "int32")
    for n, (words, spans) in enumerate(rows):
        x[n, : len(words)] = [number[word] for word in words]
        y[n, : len(spans)] = spans

    tokens = keras.Input((LENGTH,), dtype="int32")
    h = keras.layers.Embedding(len(known) + 1, 32, mask_zero=True)(tokens)
    for _ in range(2):
        h = keras.layers.Conv1D(64, 3, padding="same", activation="relu")(h)
    model = keras.Model(tokens, GlobalPointer(len(TYPES), 32)(h))
    model.compile(keras.optimizers.Adam(2e-3), SpanCrossentropy())
    model.fit(x, y, batch_size=32, epochs=2, verbose=0)

    words = "Ada Smith left the University of New Delhi in South Korea".split()
    row = np.zeros((1, LENGTH), "int32")
    row[0, : len(words)] = [number[word] for word in words]
    size = len(words)
    scores = model.predict(row, verbose=0)[0, :, :size, :size]
    figure, axes = pyplot.subplots(1, 3, figsize=(10.5, 4.1), sharey=True)
    for axis, name, score in zip(axes, TYPES, scores, strict=True):
        upper = np.where(np.triu(np.ones((size, size), bool)), score, np.nan)
        image = axis.imshow(upper, cmap="RdBu_r", vmin=-40, vmax=40)
        axis.set_xticks(range(size), words, rotation=60, ha="right")
        axis.set_yticks(range(size), words)
        axis.set_title(name)
        axis.set_xlabel("last word")
        for start, end in np.argwhere(upper > 0):
            box = pyplot.Rectangle(
                (end - 0.5, start - 0.5), 1, 1, fill=False, lw=2
            )
            axis.add_patch(box)
            print(name, " ".join(words[start : end + 1]))
    axes[0].set_ylabel("first word")
    figure.colorbar(
        image, ax=axes, shrink=0.8, pad=0.02, label="score; above 0: a span"
    )
    save(figure, "span_scores")


if __name__ == "__main__":
    main()
