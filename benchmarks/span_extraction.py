"""F1, parameters and step time of span heads on one encoder.

EfficientGlobalPointer, GlobalPointer and a per-token softmax, with the same
encoder, data, seeds and training budget:

- CLUENER (Chinese, 10 types), a small convolutional encoder from scratch,
  trained on `train`, scored on `dev`;
- WNUT-17 (English, 6 types), a pretrained 6-layer MiniLM encoder of which the
  last two layers are fine-tuned, trained on `train`, scored on `test`.

F1 is counted on the texts (`keras_tricks.text.score_spans`), at the last epoch.

    python -m benchmarks.span_extraction --data FOLDER [--sets cluener wnut17]

FOLDER holds `cluener/` and `wnut17/` with the corpora's original files.
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
from benchmarks._tables import show
from benchmarks._token_tagging import TagCrossentropy
from benchmarks._token_tagging import spans_to_tags
from benchmarks._token_tagging import tag_scores
from benchmarks._token_tagging import tags_to_spans
from examples.corpora import load_corpus
from keras_tricks.losses import SpanCrossentropy
from keras_tricks.models import SpanExtractor
from keras_tricks.text import SpanPreprocessor
from keras_tricks.text import score_spans

HEADS = ("efficient", "standard", "softmax")
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
}


class Run:
    """One head on one encoder: its model, its training data, its spans."""

    def __init__(self, head, encoder, preprocessor, texts, spans):
        self.head, self.preprocessor = head, preprocessor
        self.model = SpanExtractor(encoder, preprocessor, _kind(head))
        encoder_size = encoder.count_params()
        self.tokenized = preprocessor.tokenize(texts)
        self.labels = preprocessor.label(texts, spans, self.tokenized)
        self.loss, self.missed = SpanCrossentropy(), 0
        if head == "softmax":
            features = self.model.get_layer("span_scores").input[0]
            self.model = keras.Model(
                self.model.inputs,
                tag_scores(features, len(preprocessor.labels)),
            )
            mask = self.tokenized.features["span_mask"]
            self.labels, self.missed = spans_to_tags(self.labels, mask)
            self.loss = TagCrossentropy()
        self.size = self.model.count_params() - encoder_size

    def compile(self, rate, steps):
        """Adam with decay, a tenth of the steps for the rate to rise."""
        rise = max(steps // 10, 1)
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, steps - rise, warmup_target=rate, warmup_steps=rise
        )
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01)
        self.model.compile(optimizer, self.loss, metrics=[])

    def select(self, rows=slice(None), features=None):
        features = features or self.tokenized.features
        names = [tensor.name for tensor in self.model.inputs]
        return {name: features[name][rows] for name in names}

    def extract(self, texts):
        if self.head != "softmax":
            return self.model.extract(texts, allow_overlap=False)
        tokenized = self.preprocessor.tokenize(texts)
        features = self.select(features=tokenized.features)
        tags = self.model.predict(features, verbose=0).argmax(-1)
        found = [set() for _ in texts]
        for row, number in enumerate(tokenized.rows):
            found[number].update(
                tags_to_spans(
                    tags[row], tokenized.offsets[row], self.preprocessor.labels
                )
            )
        return [list(spans) for spans in found]


def _kind(head):
    return "efficient" if head == "softmax" else head


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
    scores = score_spans(run.extract(list(held)), list(gold))
    print(
        f"  {name} {head} seed {seed}: F1 {100 * scores['f1']:.2f} "
        f"({seconds:.0f} s, {run.missed} spans without tags)",
        flush=True,
    )
    rows = [
        figure(
            _table(name),
            head,
            key,
            100 * scores[key.lower()],
            "points",
            seed=seed,
            epochs=epochs,
            seconds=seconds,
        )
        for key in ("F1", "precision", "recall")
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
