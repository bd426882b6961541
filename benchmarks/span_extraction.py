"""F1, parameters and step time of span heads on one encoder.

EfficientGlobalPointer, GlobalPointer and a softmax over the tags of each token,
with the same encoder, data, seeds and training budget. Of the tags the best of
each token are taken, or the likeliest "valid tags", in which what is inside a
name continues it:

- CLUENER (Chinese, 10 types), a small convolutional encoder from scratch,
  trained on `train`, scored on `dev`;
- WNUT-17 (English, 6 types), a pretrained 6-layer MiniLM encoder of which the
  last two layers are fine-tuned, trained on `train`, scored on `test`;
- GermEval 2014 (German, 12 types, one name in twelve inside another), a small
  convolutional encoder from scratch on word pieces, trained on `train`, scored
  on `test`, with names inside names. "recall inside" is of those alone; tags
  leave them out.

F1 is counted on the texts (`keras_tricks.text.score_spans`), at the last epoch.

    python -m benchmarks.span_extraction --data FOLDER [--sets cluener ...]

FOLDER holds `cluener/`, `wnut17/` and `germeval2014/` with the corpora's
original files.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

import keras
import numpy as np

from benchmarks import _encoders
from benchmarks._report import figure
from benchmarks._report import keep
from benchmarks._span_heads import HEADS
from benchmarks._span_heads import Run
from benchmarks._span_heads import scores_of
from benchmarks._tables import show
from examples.corpora import load_corpus
from keras_tricks.text import SpanPreprocessor

SETS = {
    "cluener": dict(
        title="CLUENER, small encoder from scratch",
        length=52,
        overlap=8,
        epochs=8,
        batch=64,
        rate=1e-3,
        split="valid",
    ),
    "wnut17": dict(
        title="WNUT-17, MiniLM",
        length=36,
        overlap=12,
        epochs=3,
        batch=32,
        rate=5e-4,
        split="test",
    ),
    "germeval2014": dict(
        title="GermEval 2014, small encoder from scratch",
        length=64,
        overlap=16,
        epochs=6,
        batch=64,
        rate=1e-3,
        split="test",
        nested=True,
    ),
}


def train_and_score(name, head, seed, corpus, limit, epochs):
    """Train one head from one seed and score it on held-out texts."""
    options = SETS[name]
    keras.utils.set_random_seed(seed)
    texts, spans = zip(*corpus.train[:limit], strict=True)
    tokenizer, encoder = _encoders.build(name, texts)
    preprocessor = SpanPreprocessor(
        tokenizer, corpus.labels, options["length"], options["overlap"]
    )
    run = Run(head, encoder, preprocessor, list(texts), list(spans))
    rows = len(run.labels)
    epochs = epochs or options["epochs"]
    run.compile(options["rate"], epochs * -(-rows // options["batch"]))
    started = time.perf_counter()
    run.model.fit(
        run.select(),
        run.labels,
        epochs=epochs,
        batch_size=options["batch"],
        verbose=0,
    )
    seconds = time.perf_counter() - started
    held, gold = zip(*getattr(corpus, options["split"])[:limit], strict=True)
    nested = options.get("nested", False)
    rows = []
    for way, found in run.extract(list(held), nested).items():
        scores = scores_of(found, list(gold), nested)
        print(
            f"  {name} {way} seed {seed}: F1 {scores['F1']:.2f} "
            f"({seconds:.0f} s, {run.missed} spans without tags)",
            flush=True,
        )
        rows += [
            figure(
                _table(name),
                way,
                key,
                points,
                "points",
                seed=seed,
                epochs=epochs,
                seconds=seconds,
            )
            for key, points in scores.items()
        ]
    rows.append(figure(_table(name), head, "head parameters", run.size))
    keep("span_extraction", rows)  # At once: a stopped run keeps its figures.
    return rows


def _table(name):
    return f"{SETS[name]['title']}: F1 on {SETS[name]['split']}"


def step_times(name, corpus, repeats):
    """Median seconds of a training step, heads taking turns."""
    options = SETS[name]
    texts, spans = zip(*corpus.train[:256], strict=True)
    runs = {}
    for head in HEADS:
        tokenizer, encoder = _encoders.build(name, texts)
        preprocessor = SpanPreprocessor(
            tokenizer, corpus.labels, options["length"], options["overlap"]
        )
        runs[head] = Run(head, encoder, preprocessor, list(texts), list(spans))
        runs[head].compile(options["rate"], 100)
    rows = np.arange(options["batch"])
    times = {head: [] for head in HEADS}
    for repeat in range(repeats + 2):
        for head, run in runs.items():
            x, y = run.select(rows), run.labels[rows]
            started = time.perf_counter()
            float(run.model.train_on_batch(x, y))
            if repeat >= 2:  # The first ones compile.
                times[head].append(time.perf_counter() - started)
    return {head: statistics.median(t) for head, t in times.items()}


def step_rows(name, times):
    """Rows of the steps' seconds, beside those of tagging."""
    return [
        figure(
            _table(name),
            head,
            "training step",
            1e3 * seconds,
            "ms",
            peer="softmax",
            ratio=seconds / times["softmax"],
        )
        for head, seconds in times.items()
    ]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default=os.environ.get("KERAS_TRICKS_DATA"))
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--heads", nargs="+", default=HEADS, choices=HEADS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="instead of the set's own")
    parser.add_argument("--limit", type=int, help="use this many texts only")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seeds, arguments.epochs, arguments.limit = 1, 1, 300
        arguments.sets = arguments.sets[:1]
    if not arguments.data:
        parser.error("--data FOLDER or KERAS_TRICKS_DATA is needed")
    for name in arguments.sets:
        corpus = load_corpus(f"{name}:{Path(arguments.data) / name}")
        print(f"{name}: {len(corpus.train)} training texts", flush=True)
        rows = []
        for seed in range(arguments.seeds):
            for head in arguments.heads:
                rows += train_and_score(
                    name, head, seed, corpus, arguments.limit, arguments.epochs
                )
        steps = step_rows(name, step_times(name, corpus, 15))
        keep("span_extraction", steps)
        show(rows + steps)


if __name__ == "__main__":
    main()
