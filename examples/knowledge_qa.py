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
import re
import time
from collections import Counter

import keras
import keras_hub
import numpy as np

from corpora.knowledge import load_knowledge
from keras_tricks.samplers import ConstrainedBeamSampler
from keras_tricks.samplers import ConstrainedSampler
from keras_tricks.samplers import LookAheadConstraint
from keras_tricks.samplers import Trie
from keras_tricks.samplers import TrieConstraint

PAD, BEGIN, END, UNKNOWN, BETWEEN = range(5)


def words_of(text):
    """Latin words and numbers whole, other characters one by one."""
    return re.findall(r"[a-z]+|\d|[^\sa-z\d]", text.lower())


class Vocabulary:
    """Words and their numbers."""

    def __init__(self, texts):
        words = sorted({word for text in texts for word in words_of(text)})
        self.numbers = {word: n for n, word in enumerate(words, BETWEEN + 1)}
        self.size = BETWEEN + 1 + len(words)

    def ids(self, text):
        return [self.numbers.get(word, UNKNOWN) for word in words_of(text)]

    def path(self, fact):
        """Subject and predicate: what the model writes."""
        return [*self.ids(fact[0]), BETWEEN, *self.ids(fact[1])]


def padded(rows, length):
    """Token ids and their mask."""
    ids = np.full((len(rows), length), PAD, "int32")
    for row, tokens in zip(ids, rows, strict=True):
        row[: len(tokens)] = tokens[:length]
    return ids, (ids != PAD).astype("int32")


def build(vocabulary, length, width):
    """A small encoder and decoder."""
    backbone = keras_hub.models.BartBackbone(
        vocabulary.size, 2, 4, width, 4 * width, 0.1, length
    )
    return keras_hub.models.BartSeq2SeqLM(backbone, preprocessor=None)


def train(model, vocabulary, pairs, length, epochs, batch_size):
    """Learn to write the path after the question."""
    questions, asked = padded([vocabulary.ids(q) for q, _ in pairs], length)
    paths = [[BEGIN, *vocabulary.path(fact), END] for _, fact in pairs]
    tokens, mask = padded(paths, length + 1)
    steps = epochs * -(-len(pairs) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=2e-3, warmup_steps=max(steps // 10, 1)
    )
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0))
    inputs = {
        "encoder_token_ids": questions,
        "encoder_padding_mask": asked,
        "decoder_token_ids": tokens[:, :-1],
        "decoder_padding_mask": mask[:, :-1],
    }
    model.fit(
        inputs,
        tokens[:, 1:],
        sample_weight=mask[:, 1:].astype("float32"),
        epochs=epochs,
        batch_size=batch_size,
        verbose=2,
    )


def answer(model, sampler, vocabulary, questions, length, batch_size, assign):
    """What the model writes after each question, and answers per second."""
    model.compile(sampler=sampler)
    begin, given = padded([[BEGIN]] * batch_size, length)
    written, seconds = [], 0.0
    for first in range(0, len(questions), batch_size):
        asked = questions[first : first + batch_size]
        rows = [vocabulary.ids(question) for question in asked]
        rows += [[UNKNOWN]] * (batch_size - len(rows))
        if assign:
            assign([row[:length] for row in rows])
        ids, mask = padded(rows, length)
        started = time.perf_counter()
        outputs = model.generate(
            {
                "encoder_token_ids": ids,
                "encoder_padding_mask": mask,
                "decoder_token_ids": begin,
                "decoder_padding_mask": given,
            },
            stop_token_ids=(END,),
        )
        if first:  # The first batch compiles.
            seconds += time.perf_counter() - started
        written += outputs["decoder_token_ids"].tolist()[: len(asked)]
    timed = len(questions) - batch_size
    return written, timed / seconds if timed > 0 else float("nan")


def score(constraint, facts, vocabulary, pairs, written):
    """Exact match of the path, F1 of the answer, and how many are entries."""
    exact, overlap, entries = 0, 0.0, constraint.read(written, start=1)
    for (_, fact), entry in zip(pairs, entries, strict=True):
        rows = constraint.trie[entry] if entry is not None else ()
        exact += entry == tuple(vocabulary.path(fact))
        found = Counter(words_of(facts[rows[0]][2]) if len(rows) else [])
        wanted = Counter(words_of(fact[2]))
        common = sum((found & wanted).values())
        overlap += 2 * common / (sum(found.values()) + sum(wanted.values()))
    members = sum(entry is not None for entry in entries)
    return [100 * x / len(pairs) for x in (exact, overlap, members)]


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
    vocabulary = Vocabulary(
        [question for question, _ in knowledge.train]
        + [text for fact in knowledge.facts for text in fact[:2]]
    )
    paths = [vocabulary.path(fact) for fact in knowledge.facts]
    asked = [vocabulary.ids(question) for question, _ in knowledge.train]
    length = min(max(map(len, [*paths, *asked])) + 2, 96)
    trie = Trie([path for path in paths if len(path) + 2 <= length])
    print(f"{len(trie)} entries, {trie.num_nodes} nodes, {trie.nbytes} bytes")
    model = build(vocabulary, length, arguments.width)
    train(
        model,
        vocabulary,
        knowledge.train,
        length,
        arguments.epochs,
        arguments.batch_size,
    )

    size = arguments.batch_size
    constraint = TrieConstraint(trie, vocabulary.size, END)
    ahead = LookAheadConstraint(
        trie, vocabulary.size, END, [[UNKNOWN]] * size, length=length
    )
    variants = {
        "greedy, free": "greedy",
        "greedy": ConstrainedSampler("greedy", constraint),
        "greedy, look-ahead": ConstrainedSampler("greedy", ahead),
        "5 beams": ConstrainedBeamSampler(constraint, 5),
        "5 beams, look-ahead": ConstrainedBeamSampler(ahead, 5, "local"),
    }
    pairs = knowledge.test[: arguments.questions]
    questions = [question for question, _ in pairs]
    print(f"\nHeld out: {len(pairs)} questions")
    print(f"{'':22}{'exact':>8}{'F1':>8}{'entries':>9}{'answers/s':>11}")
    for name, sampler in variants.items():
        assign = ahead.assign if "look-ahead" in name else None
        written, speed = answer(
            model, sampler, vocabulary, questions, length, size, assign
        )
        exact, f1, members = score(
            constraint, knowledge.facts, vocabulary, pairs, written
        )
        print(f"{name:22}{exact:8.1f}{f1:8.1f}{members:9.1f}{speed:11.1f}")


if __name__ == "__main__":
    main()
