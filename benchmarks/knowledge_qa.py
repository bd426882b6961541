"""Answers from a knowledge base, with and without a prefix tree of it.

A small sequence-to-sequence model is trained from scratch, on one core in a
quarter of an hour, to write subject and predicate after a question, on

- `kgclue own`: KgCLUE as it is split, where held-out questions ask for
  predicates that no question in training has;
- `kgclue random`: the same questions, split at random;
- `nlpcc own`: NLPCC-ICCPOL 2016 KBQA as it is split.

Percent of held-out questions whose subject and predicate are exact, F1 of the
answer's words, percent of outputs that are entries, and answers per second:
greedy search without a constraint, with it, with look-ahead, beam search. The ±
is the deviation over seeds, or of one seed the standard error for so many
questions, 1 to 2 points. Seeds that are asked the same questions share it, so a
difference has to exceed it too for a claim to be confirmed. With `--masked`
instead a masked model, which fills all positions at once: each alone, and by
`best_trie_path`.

    python -m benchmarks.knowledge_qa --data FOLDER

`FOLDER` holds `kgclue` and `nlpcc2016_kbqa` with the original files.
"""

import argparse
import math

import keras

from benchmarks import _masked_answers as masked
from benchmarks._report import figure
from benchmarks._report import keep
from benchmarks._tables import show
from examples.answering import END
from examples.answering import NOTHING
from examples.answering import Vocabulary
from examples.answering import answer
from examples.answering import build
from examples.answering import entries_of
from examples.answering import score
from examples.answering import train
from examples.answering_methods import searches
from examples.corpora.knowledge import load_knowledge

CORPORA = {
    "kgclue own": ("kgclue:{}/kgclue", "own"),
    "kgclue random": ("kgclue:{}/kgclue", "random"),
    "nlpcc own": ("nlpcc:{}/nlpcc2016_kbqa", "own"),
}
TITLE = "Answers from a knowledge base: {}"
UNITS = {"exact": "points", "F1": "points", "entries": "%", "a second": "/ s"}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", help="characters of the standard library")
    parser.add_argument("--corpora", nargs="+", default=[*CORPORA])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--masked", action="store_true")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.epochs, arguments.width, arguments.questions = 2, 32, 192
        arguments.corpora = arguments.corpora[:1]
    if not arguments.data:
        arguments.corpora = ["characters"]
    for corpus in arguments.corpora:
        for seed in arguments.seeds:
            rows = run(corpus, seed, arguments)
            show(rows)
            print(f"kept in {keep('knowledge_qa', rows)}", flush=True)


def error(percent, count):
    """The standard error of a share of so many questions."""
    share = percent / 100
    return 100 * math.sqrt(share * (1 - share) / count)


def run(corpus, seed, arguments):
    """Figures of one corpus and seed."""
    keras.utils.set_random_seed(seed)
    data, split = CORPORA.get(corpus, ("characters", "own"))
    knowledge = load_knowledge(data.format(arguments.data), split, seed)
    print(knowledge.about, flush=True)
    vocabulary = Vocabulary(knowledge, 1000)
    lengths, trie = entries_of(knowledge, vocabulary)
    method = masked_answers if arguments.masked else written_answers
    pairs = knowledge.test[: arguments.questions]
    rows = []
    for name, entries, speed in method(
        knowledge, vocabulary, lengths, trie, pairs, seed, arguments
    ):
        figures = score(entries, trie, knowledge.facts, vocabulary, pairs)
        rows += [
            figure(
                TITLE.format(corpus),
                name,
                column,
                value,
                unit,
                seed=seed,
                spread=error(value, len(pairs)) if column == "exact" else None,
                entries=len(trie),
                epochs=arguments.epochs,
                width=arguments.width,
                layers=masked.LAYERS if arguments.masked else arguments.layers,
                questions=len(pairs),
            )
            for (column, unit), value in zip(
                UNITS.items(), [*figures, speed], strict=True
            )
        ]
    return rows


def written_answers(
    knowledge, vocabulary, lengths, trie, pairs, seed, arguments
):
    """Name, entries and answers per second of each way to search."""
    size = arguments.batch_size
    model = build(vocabulary, lengths, arguments.width, arguments.layers, 0.0)
    train(model, vocabulary, knowledge, lengths, arguments.epochs, size, seed)
    constraint, samplers = searches(
        trie, vocabulary.size, END, [[NOTHING]] * size, lengths[0]
    )
    questions = [question for question, _ in pairs]
    for name, sampler in samplers.items():
        written, speed = answer(
            model, sampler, vocabulary, questions, lengths, size
        )
        yield name, constraint.read(written, start=1), speed


def masked_answers(
    knowledge, vocabulary, lengths, trie, pairs, seed, arguments
):
    """The same of a masked model."""
    size = arguments.batch_size
    model = masked.build(vocabulary, lengths, arguments.width)
    masked.train(
        model, vocabulary, knowledge, lengths, arguments.epochs, size, seed
    )
    questions = [question for question, _ in pairs]
    best, alone, speed = masked.answer(
        model, trie, vocabulary, questions, lengths, size
    )
    yield "masked, each position alone", alone, speed
    yield "masked, best path", best, speed


if __name__ == "__main__":
    main()
