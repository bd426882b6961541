"""Losses."""

from keras_tricks.losses.cosent import CoSENT
from keras_tricks.losses.multilabel_crossentropy import MultilabelCrossentropy
from keras_tricks.losses.span_crossentropy import SpanCrossentropy

__all__ = [
    "CoSENT",
    "MultilabelCrossentropy",
    "SpanCrossentropy",
]
