"""A small model that answers questions by naming an entry of a knowledge base.

What `knowledge_qa.py` and its benchmark share: a vocabulary, the prefix tree of
the entries, a sequence-to-sequence model that writes subject and predicate
after a question, its training, and the scores of what it writes.
"""

import re
import time
from collections import Counter

import keras
import keras_hub
import numpy as np

from keras_tricks.samplers import Trie

PAD, BEGIN, END, BETWEEN, NOTHING = range(5)
BYTES = 5


def words_of(text):
    """Latin words and numbers whole, other characters one by one."""
    return re.findall(r"[a-z]+|\d|[^\sa-z\d]", text.lower())


class Vocabulary:
    """The most frequent words, and 256 bytes: no text is unknown."""

    def __init__(self, knowledge, size=1500):
        counts = Counter()
        for question, _ in knowledge.train:
            counts.update(words_of(question))
        for fact in knowledge.facts:
            counts.update(words_of(f"{fact[0]} {fact[1]}"))
        words = [word for word, _ in counts.most_common(size)]
        self.numbers = {w: n for n, w in enumerate(words, BYTES + 256)}
        self.size = BYTES + 256 + len(words)

    def ids(self, text):
        found = []
        for word in words_of(text):
            if word in self.numbers:
                found.append(self.numbers[word])
            else:
                found += [BYTES + byte for byte in word.encode()]
        return found

    def path(self, fact):
        """What the model writes: subject, predicate, and the meaning last.

        A meaning, in brackets after a subject, says which of several is meant.
        No question names it, so it is easier to tell when all else is known.
        """
        subject, predicate = fact[:2]
        name, _, meaning = subject.partition("（")
        parts = [subject, predicate]
        if name and meaning:
            parts = [name, predicate, meaning.rstrip("）")]
        tokens = []
        for part in parts:
            tokens += [BETWEEN, *self.ids(part)]
        return tokens[1:]


def room_for(rows, share=0.97):
    """Tokens that a share of the rows, and their end, fit into."""
    return int(np.quantile([len(row) for row in rows], share)) + 2


def padded(rows, length):
    """Token ids and their mask."""
    ids = np.full((len(rows), length), PAD, "int32")
    for row, tokens in zip(ids, rows, strict=True):
        row[: len(tokens)] = tokens[:length]
    return ids, (ids != PAD).astype("int32")


def entries_of(knowledge, vocabulary):
    """Room for questions and paths, and the tree of the paths that fit."""
    asked = [vocabulary.ids(question) for question, _ in knowledge.train]
    paths = [vocabulary.path(fact) for fact in knowledge.facts]
    lengths = room_for(asked), room_for(paths)
    kept = [n for n, path in enumerate(paths) if len(path) + 2 <= lengths[1]]
    return lengths, Trie([paths[n] for n in kept], values=kept)


def build(vocabulary, lengths, width, layers=2, dropout=0.1):
    """A small encoder and decoder."""
    backbone = keras_hub.models.BartBackbone(
        vocabulary.size, layers, 4, width, 4 * width, dropout, max(lengths)
    )
    return keras_hub.models.BartSeq2SeqLM(backbone, preprocessor=None)


def swapped(pairs, subjects, generator):
    """Half of the pairs with another subject, in question and fact alike.

    So the model learns to copy names, of which there are many more than
    questions.
    """
    found = []
    for question, fact in pairs:
        name = fact[0].partition("（")[0]
        if name and name in question and generator.random() < 0.5:
            other = subjects[generator.integers(len(subjects))]
            question = question.replace(name, other.partition("（")[0])
            fact = (other, *fact[1:])
        found.append((question, fact))
    return found


def train(model, vocabulary, knowledge, lengths, epochs, batch_size, seed=0):
    """Learn to write the path after the question."""
    steps = epochs * -(-len(knowledge.train) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=2e-3, warmup_steps=max(steps // 10, 1)
    )
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0))
    generator = np.random.default_rng(seed)
    subjects = sorted({fact[0] for fact in knowledge.facts})
    for epoch in range(epochs):
        pairs = swapped(knowledge.train, subjects, generator)
        generator.shuffle(pairs)
        questions, asked = padded(
            [vocabulary.ids(question) for question, _ in pairs], lengths[0]
        )
        paths = [[BEGIN, *vocabulary.path(fact), END] for _, fact in pairs]
        tokens, given = padded(paths, lengths[1] + 1)
        inputs = {
            "encoder_token_ids": questions,
            "encoder_padding_mask": asked,
            "decoder_token_ids": tokens[:, :-1],
            "decoder_padding_mask": given[:, :-1],
        }
        model.fit(
            inputs,
            tokens[:, 1:],
            sample_weight=given[:, 1:].astype("float32"),
            initial_epoch=epoch,
            epochs=epoch + 1,
            batch_size=batch_size,
            shuffle=False,  # They come in a new order each epoch.
            verbose=2,
        )


def answer(model, sampler, vocabulary, questions, lengths, batch_size):
    """What the model writes after each question, and answers per second."""
    model.compile(sampler=sampler)
    assign = getattr(getattr(sampler, "constraint", None), "assign", None)
    begin, given = padded([[BEGIN]] * batch_size, lengths[1])
    written, seconds = [], 0.0
    for first in range(0, len(questions), batch_size):
        asked = questions[first : first + batch_size]
        rows = [vocabulary.ids(question)[: lengths[0]] for question in asked]
        rows += [[NOTHING]] * (batch_size - len(rows))
        if assign:
            assign(rows)
        ids, mask = padded(rows, lengths[0])
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


def score(entries, trie, facts, vocabulary, pairs):
    """Percent of exact paths, F1 of the answers' words, percent of entries."""
    exact, overlap = 0, 0.0
    for (_, fact), entry in zip(pairs, entries, strict=True):
        rows = trie[entry] if entry is not None else ()
        exact += entry == tuple(vocabulary.path(fact))
        found = Counter(words_of(facts[rows[0]][2]) if len(rows) else [])
        wanted = Counter(words_of(fact[2]))
        common = sum((found & wanted).values())
        overlap += 2 * common / (sum(found.values()) + sum(wanted.values()))
    members = sum(entry is not None for entry in entries)
    return [100 * x / len(pairs) for x in (exact, overlap, members)]
