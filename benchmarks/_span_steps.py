"""A relation model's training step, and its encoder's alone."""

import keras
import keras_hub
import numpy as np

from benchmarks._span_losses import make_batch
from keras_tricks.layers import EfficientGlobalPointer
from keras_tricks.losses import SpanCrossentropy

PREDICATES = 200
STEPS = ("encoder", "with heads")


def training_step(name, batch, length):
    """One training step of a 6-layer, 384-wide encoder, as a function."""
    keras.utils.set_random_seed(0)
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=1000,
        num_layers=6,
        num_heads=12,
        hidden_dim=384,
        intermediate_dim=1536,
        dropout=0.0,
        max_sequence_length=length,
    )
    features = backbone.output["sequence_output"]
    build = {"encoder": encoder, "with heads": with_heads}[name]
    outputs, loss, y = build(features, batch, length)
    model = keras.Model(backbone.input, outputs)
    model.compile("sgd", loss)
    ids = np.random.default_rng(0).integers(5, 1000, (batch, length))
    x = {"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": 0 * ids + 1}
    return lambda: model.train_on_batch(x, y)


def encoder(features, batch, length):
    """The encoder's features, with a loss that costs next to nothing."""
    return features, "mse", np.zeros((batch, length, 384), "float32")


def with_heads(features, batch, length):
    """Entities, and the links of two hundred predicates."""
    link = {"factored": True, "use_rotary": False, "ordered": False}
    outputs = {
        "entities": EfficientGlobalPointer(2, factored=True)(features),
        "heads": EfficientGlobalPointer(PREDICATES, **link)(features),
        "tails": EfficientGlobalPointer(PREDICATES, **link)(features),
    }
    entities, _ = make_batch(batch, length, 2)
    links, _ = make_batch(batch, length, PREDICATES)
    loss = {name: SpanCrossentropy("sum") for name in outputs}
    y = {"entities": entities, "heads": links, "tails": links}
    return outputs, loss, y
