"""A masked model that fills all positions of an entry at once."""

import time

import keras
import keras_hub
import numpy as np
from keras import ops

from examples.answering import END
from examples.answering import NOTHING
from examples.answering import padded
from examples.answering import swapped
from keras_tricks.samplers import best_trie_path

LAYERS = 4


def build(vocabulary, lengths, width):
    """Question and masks → scores of what each mask stands for."""
    total = sum(lengths)
    backbone = keras_hub.models.BertBackbone(
        vocabulary.size, LAYERS, 4, width, 4 * width, 0.0, total
    )
    scores = backbone.token_embedding(
        backbone.output["sequence_output"][:, lengths[0] :], reverse=True
    )
    return keras.Model(backbone.inputs, scores)


def inputs_of(rows, lengths):
    """Questions, with masks after them."""
    ids, mask = padded(rows, lengths[0])
    masks = np.full((len(rows), lengths[1]), NOTHING, "int32")
    ids = np.concatenate([ids, masks], axis=1)
    mask = np.concatenate([mask, np.ones_like(masks)], axis=1)
    return {
        "token_ids": ids,
        "padding_mask": mask,
        "segment_ids": np.zeros_like(ids),
    }


def train(model, vocabulary, knowledge, lengths, epochs, batch_size, seed):
    """Learn to fill in the path and its end."""
    steps = epochs * -(-len(knowledge.train) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=2e-3, warmup_steps=max(steps // 10, 1)
    )
    model.compile(
        keras.optimizers.Adam(rate, clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    generator = np.random.default_rng(seed)
    subjects = sorted({fact[0] for fact in knowledge.facts})
    for epoch in range(epochs):
        pairs = swapped(knowledge.train, subjects, generator)
        generator.shuffle(pairs)
        asked = [vocabulary.ids(question) for question, _ in pairs]
        paths = [[*vocabulary.path(fact), END] for _, fact in pairs]
        tokens, given = padded(paths, lengths[1])
        model.fit(
            inputs_of(asked, lengths),
            tokens,
            sample_weight=given.astype("float32"),
            initial_epoch=epoch,
            epochs=epoch + 1,
            batch_size=batch_size,
            verbose=2,
        )


def answer(model, trie, vocabulary, questions, lengths, batch_size):
    """Entries by the best path, those of each position alone, and a second."""
    best, alone, seconds = [], [], 0.0
    for first in range(0, len(questions), batch_size):
        asked = questions[first : first + batch_size]
        rows = [vocabulary.ids(question) for question in asked]
        started = time.perf_counter()
        scores = model.predict_on_batch(inputs_of(rows, lengths))
        log_probs = ops.log_softmax(ops.convert_to_tensor(scores))
        numbers, _ = best_trie_path(
            log_probs, trie, end_token_id=END, normalization="mean"
        )
        numbers = ops.convert_to_numpy(numbers)[:, 0]
        if first:
            seconds += time.perf_counter() - started
        best += [trie.entry(int(number)) for number in numbers]
        for row in scores.argmax(axis=-1).tolist():
            text = tuple(row[: row.index(END)] if END in row else row)
            alone.append(text if text in trie else None)
    timed = len(questions) - batch_size
    return best, alone, timed / seconds if timed > 0 else float("nan")
