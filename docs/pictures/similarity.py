"""Draw cosines against grades, before training and after two losses."""

import sys

import keras
import numpy as np

from _style import EXAMPLES
from _style import pyplot
from _style import save
from keras_tricks.losses import CoSENT
from keras_tricks.metrics import SpearmanCorrelation
from keras_tricks.models import SentenceEncoder
from keras_tricks.text import SentencePreprocessor

sys.path.insert(0, str(EXAMPLES))
import encoders
from corpora.library_pairs import library_pairs


def columns(pairs):
    """First texts, second texts, grades."""
    first, second, grades = zip(*pairs, strict=True)
    return (list(first), list(second)), np.array(grades, "float32")


def main():
    corpus = library_pairs(per_grade=500)
    train, grades = columns([pair[:3] for pair in corpus.train])
    test, wanted = columns([pair[:3] for pair in corpus.test])
    tokenizer = encoders.train_tokenizer([*train[0], *train[1]])

    figure, axes = pyplot.subplots(1, 3, figsize=(10, 3.6), sharey=True)
    chance = np.random.default_rng(0).uniform(-0.25, 0.25, len(wanted))
    for axis, name in zip(axes, ("before", "mse", "CoSENT"), strict=True):
        keras.utils.set_random_seed(0)
        backbone = encoders.convolutional(
            tokenizer.vocabulary_size(), 96, dilations=(1, 2)
        )
        model = SentenceEncoder(backbone, SentencePreprocessor(tokenizer, 48))
        loss = CoSENT() if name == "CoSENT" else "mse"
        model.compile(keras.optimizers.Adam(5e-4), loss, metrics=[])
        if name != "before":
            top = 1 if name == "CoSENT" else grades.max()
            model.fit(train, grades / top, epochs=8, verbose=0)
        cosines = model.predict(test, verbose=0)
        metric = SpearmanCorrelation()
        metric.update_state(wanted, cosines)
        rank = 100 * float(metric.result())
        title = "trained with " + name if name != "before" else "not trained"
        axis.scatter(wanted + chance, cosines, s=5, alpha=0.35, linewidths=0)
        axis.set_title(f"{title}\nSpearman {rank:.1f}")
        axis.set_xlabel("grade")
        print(name, rank, len(wanted))
    axes[0].set_ylabel("cosine")
    figure.tight_layout()
    save(figure, "similarity")


if __name__ == "__main__":
    main()
