"""Answer questions from a knowledge base, and with nothing else.

A sequence-to-sequence model reads a question and writes the subject and the
predicate that it asks about; a prefix tree of the knowledge base's own pairs
lets it write only those. The object, the answer, is looked up.

Without arguments: trains a small model from scratch on questions about
characters, whose facts are those of Python's `unicodedata` and `html.entities`,
and answers held-out questions.

    python examples/knowledge_qa.py
    python examples/knowledge_qa.py --data kgclue:FOLDER --split random
    python examples/knowledge_qa.py --data nlpcc:FOLDER

Greedy search without the constraint, with it, with look-ahead, and beam search
are compared: exact match of subject and predicate, F1 of the answer's words,
answers per second. `KERAS_BACKEND` chooses tensorflow, jax or torch.
"""

import argparse

import keras

from answering import END
from answering import NOTHING
from answering import Vocabulary
from answering import answer
from answering import build
from answering import entries_of
from answering import score
from answering import train
from answering_methods import searches
from corpora.knowledge import load_knowledge


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", help="kgclue:FOLDER or nlpcc:FOLDER")
    parser.add_argument("--split", choices=("own", "random"), default="own")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--questions", type=int, help="held-out ones to answer")
    arguments = parser.parse_args()

    keras.utils.set_random_seed(0)
    knowledge = load_knowledge(arguments.data, arguments.split)
    print(f"Knowledge base of {knowledge.about}")
    vocabulary = Vocabulary(knowledge)
    lengths, trie = entries_of(knowledge, vocabulary)
    print(f"{len(trie)} entries, {trie.num_nodes} nodes, {trie.nbytes} bytes")
    model = build(vocabulary, lengths, arguments.width)
    epochs, size = arguments.epochs, arguments.batch_size
    train(model, vocabulary, knowledge, lengths, epochs, size)

    constraint, samplers = searches(
        trie, vocabulary.size, END, [[NOTHING]] * size, lengths[0]
    )
    pairs = knowledge.test[: arguments.questions]
    questions = [question for question, _ in pairs]
    print(f"\nHeld out: {len(pairs)} questions")
    print(f"{'':22}{'exact':>8}{'F1':>8}{'entries':>9}{'answers/s':>11}")
    for name, sampler in samplers.items():
        written, speed = answer(
            model, sampler, vocabulary, questions, lengths, size
        )
        entries = constraint.read(written, start=1)
        exact, f1, members = score(
            entries, trie, knowledge.facts, vocabulary, pairs
        )
        print(f"{name:22}{exact:8.1f}{f1:8.1f}{members:9.1f}{speed:11.1f}")


if __name__ == "__main__":
    main()
