"""Four ways to train a small sentence encoder from scratch, on Chinese pairs.

The Chinese STS benchmark; CoSENT, regression of the cosine, the head of
Sentence-BERT, and an interaction model that reads both texts at once, on the
same convolutional encoder, pairs and epochs. (Convolutions see little of one
text from the other, so the last says nothing of interaction.) Each has the
learning rate that does best on dev with the first seed, of the same few; the
seed decides the weights at the start, the order of the pairs and dropout. "dev"
is what the rate was chosen by.

    python -m benchmarks.similarity_from_scratch --data FOLDER

FOLDER holds `stsb_zh/` with the benchmark's files.
"""

import argparse
import os
from functools import partial
from pathlib import Path

import keras

from benchmarks._report import figure
from benchmarks._report import keep
from benchmarks._similarity import at_best_rate
from benchmarks._similarity import measure
from benchmarks._tables import show
from examples import encoders
from examples.corpora.pairs import load_pairs
from examples.similarity_methods import METHODS
from examples.similarity_methods import train
from keras_tricks.models import SentenceEncoder
from keras_tricks.text import SentencePreprocessor

TITLE = "Spearman on the Chinese STS benchmark, small encoder from scratch"
RATES = (1e-3, 3e-3)


def run(kind, rate, seed, corpus, preprocessor, epochs):
    """Spearman on dev and test, in points."""
    keras.utils.set_random_seed(seed)
    size = preprocessor.tokenizer.vocabulary_size()
    backbone = encoders.convolutional(size, 128, dilations=(1, 2))
    encoder = SentenceEncoder(backbone, preprocessor)
    method = kind(encoder, corpus.grades)
    train(method, corpus.train, rate, epochs, batch_size=32, verbose=0)
    found = measure(method, corpus)
    print(f"  {kind.name} {rate:g} seed {seed}: {found}", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default=os.environ.get("KERAS_TRICKS_DATA"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--limit", type=int, default=1500, help="pairs")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if not arguments.data:
        parser.error("--data FOLDER or KERAS_TRICKS_DATA is needed")
    rates, held = RATES, None
    if arguments.quick:
        arguments.seeds, arguments.limit, arguments.epochs = 1, 300, 1
        rates, held = RATES[1:2], 200
    corpus = load_pairs(f"stsb_zh:{Path(arguments.data) / 'stsb_zh'}")
    corpus = corpus.limited(arguments.limit, held)
    texts = [text for pair in corpus.train for text in pair[:2]]
    tokenizer = encoders.train_tokenizer(texts)
    preprocessor = SentencePreprocessor(tokenizer, 160)
    rows = []
    for kind in METHODS:
        rate, runs = at_best_rate(
            partial(
                run,
                kind,
                corpus=corpus,
                preprocessor=preprocessor,
                epochs=arguments.epochs,
            ),
            rates,
            arguments.seeds,
        )
        mine = [
            figure(
                TITLE,
                kind.name,
                part,
                value,
                "points",
                seed=seed,
                rate=rate,
                pairs=len(corpus.train),
                epochs=arguments.epochs,
            )
            for seed, found in enumerate(runs)
            for part, value in found.items()
        ]
        mine.append(figure(TITLE, kind.name, "rate", rate))
        keep("similarity_from_scratch", mine)
        rows += mine
    show(rows)


if __name__ == "__main__":
    main()
