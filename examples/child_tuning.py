"""Fine-tune an encoder on a few hundred sentences, with and without a child.

Without arguments: a small encoder learns which sentences of the docstrings of
Python's standard library mention a module, a function or an exception. Then it
is fine-tuned to tell those that mention a class, on several draws of 300 of
them: with AdamW alone, and with `ChildTuning` around it, task-free (F) and
task-driven (D).

    python examples/child_tuning.py
    python examples/child_tuning.py --apply-to update --seeds 10
    python examples/child_tuning.py --data cola:FOLDER --preset minilm

`--data cola:FOLDER` takes `cola_public.zip`, the Corpus of Linguistic
Acceptability, from the folder. `KERAS_BACKEND` chooses tensorflow, jax or
torch.
"""

import argparse
import io
import zipfile
from pathlib import Path

import keras
import keras_hub
import numpy as np

import encoders
from corpora import standard_library
from keras_tricks.optimizers import ChildTuning
from keras_tricks.optimizers import fisher_information

METHODS = {"AdamW": None, "F": "task_free", "D": "task_driven"}
BEFORE = ("module", "function", "exception")


def mentions(examples):
    """Sentences, the kinds of names for pretraining, and the task's label."""
    texts = [text for text, _ in examples]
    kinds = [{span[2] for span in spans} for _, spans in examples]
    pretraining = [[kind in found for kind in BEFORE] for found in kinds]
    labels = ["class" in found for found in kinds]
    return texts, np.array(pretraining, float), np.array(labels, float)


def acceptability(folder, part):
    """Sentences of CoLA, and whether each is grammatical."""
    with zipfile.ZipFile(Path(folder) / "cola_public.zip") as archive:
        raw = archive.open(f"cola_public/raw/{part}.tsv")
        lines = io.TextIOWrapper(raw, "utf-8").read().splitlines()
    rows = [line.split("\t") for line in lines]
    return [row[3] for row in rows], np.array([float(row[1]) for row in rows])


class TextToIds:
    """Token ids of a fixed length, with the tokenizer's start and end."""

    def __init__(self, tokenizer, length):
        self.tokenizer = tokenizer
        self.pack = keras_hub.layers.StartEndPacker(
            length,
            start_value=tokenizer.cls_token_id,
            end_value=tokenizer.sep_token_id,
            pad_value=tokenizer.pad_token_id,
        )

    def __call__(self, texts):
        ids = self.pack(self.tokenizer(texts))
        return keras.ops.convert_to_numpy(ids).astype("int32")


def small_encoder(texts, length):
    tokenizer = encoders.train_tokenizer(texts, size=2000)
    encoder = encoders.convolutional(tokenizer.vocabulary_size(), dim=48)
    return TextToIds(tokenizer, length), encoder


def pretrained_encoder(preset, length):
    """A KerasHub encoder that takes token ids alone."""
    folder = encoders.preset_folder(preset)
    tokenizer = keras_hub.models.Tokenizer.from_preset(folder)
    backbone = keras_hub.models.Backbone.from_preset(folder)
    # It has a pooler, which the features of tokens never pass through.
    backbone.pooled_dense.trainable = False
    ids = keras.Input((length,), dtype="int32")
    features = backbone(
        {
            "token_ids": ids,
            "segment_ids": keras.ops.zeros_like(ids),
            "padding_mask": keras.ops.not_equal(ids, tokenizer.pad_token_id),
        }
    )
    encoder = keras.Model(ids, features["sequence_output"])
    return TextToIds(tokenizer, length), encoder


def classifier(encoder, length, outputs=1):
    """The mean of the features of all tokens, and a new dense layer."""
    ids = keras.Input((length,), dtype="int32")
    here = keras.ops.expand_dims(keras.ops.cast(ids != 0, "float32"), -1)
    features = encoder(ids) * here
    mean = keras.ops.sum(features, 1) / keras.ops.sum(here, 1)
    return keras.Model(ids, keras.layers.Dense(outputs)(mean))


def compiled(encoder, options, optimizer, outputs=1):
    model = classifier(encoder, options.length, outputs)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer, loss)
    optimizer.build(model.trainable_variables)
    return model


def optimizer_of(method, options, seed):
    plain = keras.optimizers.AdamW(options.rate, weight_decay=0.01)
    if METHODS[method] is None:
        return plain
    return ChildTuning(
        plain, options.reserve_p, METHODS[method], options.apply_to, seed
    )


def matthews(labels, logits):
    """Matthews' correlation of labels and decisions: 0 is chance, 1 perfect."""
    table = np.corrcoef(labels > 0.5, logits[:, 0] > 0)
    return 0.0 if np.isnan(table[0, 1]) else 100 * table[0, 1]


def fine_tune(model, state, x, y, options):
    """Train from `state`, the values of the weights and of the optimizer."""
    variables = model.weights + model.optimizer.variables
    for variable, value in zip(variables, state, strict=True):
        variable.assign(value)
    if getattr(model.optimizer, "mode", None) == "task_driven":
        information = fisher_information(model, x, y)
        model.optimizer.choose_child(model.trainable_variables, information)
    model.fit(x, y, epochs=options.epochs, batch_size=16, verbose=0)


def compare(encoder, train, test, options):
    """The score of each method from each seed, from the same start."""
    scores = {method: [] for method in METHODS}
    models, states = {}, {}
    for method in METHODS:
        optimizer = optimizer_of(method, options, seed=0)
        models[method] = compiled(encoder, options, optimizer)
        variables = models[method].weights + optimizer.variables
        states[method] = [keras.ops.convert_to_numpy(v) for v in variables]
    for seed in range(options.seeds):
        chosen = np.random.default_rng(seed).permutation(len(train[0]))
        chosen = chosen[: options.size]
        x, y = train[0][chosen], train[1][chosen, None]
        for method, model in models.items():
            keras.utils.set_random_seed(seed)
            fine_tune(model, states[method], x, y, options)
            logits = model.predict(test[0], batch_size=128, verbose=0)
            with np.errstate(invalid="ignore"):
                scores[method].append(matthews(test[1], logits))
        latest = ", ".join(f"{m} {s[-1]:.1f}" for m, s in scores.items())
        print(f"seed {seed}: {latest}", flush=True)
    return scores


def library_task(options):
    """The small encoder after pretraining, and the task's two parts."""
    corpus = standard_library()
    train, test = mentions(corpus.train), mentions(corpus.valid[:1000])
    to_ids, encoder = small_encoder(train[0], options.length)
    keras.utils.set_random_seed(0)
    x = to_ids(train[0])
    optimizer = keras.optimizers.AdamW(3e-3)
    model = compiled(encoder, options, optimizer, len(BEFORE))
    epochs = options.pretraining
    model.fit(x, train[1], epochs=epochs, batch_size=64, verbose=0)
    return encoder, (x, train[2]), (to_ids(test[0]), test[2])


def cola_task(options):
    folder = options.data.partition(":")[2]
    texts, labels = acceptability(folder, "in_domain_train")
    held, answers = acceptability(folder, "in_domain_dev")
    to_ids, encoder = pretrained_encoder(options.preset, options.length)
    return encoder, (to_ids(texts), labels), (to_ids(held), answers)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default="standard_library")
    parser.add_argument("--preset", default="minilm", help="with --data cola")
    parser.add_argument("--size", type=int, default=300, help="sentences")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--reserve-p", type=float, default=0.3)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--pretraining", type=int, default=3, help="epochs")
    parser.add_argument("--rate", type=float, help="learning rate")
    parser.add_argument("--length", type=int, default=40, help="tokens")
    parser.add_argument(
        "--apply-to", choices=("gradient", "update"), default="gradient"
    )
    options = parser.parse_args()
    is_cola = options.data.startswith("cola:")
    options.rate = options.rate or (5e-5 if is_cola else 1e-3)
    options.epochs = options.epochs or (4 if is_cola else 6)
    print(f"Backend: {keras.config.backend()}. Reading {options.data} …")
    encoder, train, test = (cola_task if is_cola else library_task)(options)
    print(
        f"{options.size} of {len(train[0])} sentences to fine-tune on, "
        f"{len(test[0])} to test; {encoder.count_params()} weights, "
        f"p = {options.reserve_p} on the {options.apply_to}"
    )
    scores = compare(encoder, train, test, options)
    print(f"\n{'':14}{'Matthews’ correlation × 100, mean':>34}{'spread':>9}")
    for method, of_method in scores.items():
        spread = np.std(of_method, ddof=1) if len(of_method) > 1 else 0.0
        print(f"{method:14}{np.mean(of_method):34.1f}{spread:9.1f}")


if __name__ == "__main__":
    main()
