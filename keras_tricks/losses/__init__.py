"""Losses."""

from keras_tricks.losses.angle import AnglE
from keras_tricks.losses.cosent import CoSENT
from keras_tricks.losses.multilabel_crossentropy import MultilabelCrossentropy
from keras_tricks.losses.rdrop import RDrop
from keras_tricks.losses.simcse import SimCSE
from keras_tricks.losses.span_crossentropy import SpanCrossentropy

__all__ = [
    "AnglE",
    "CoSENT",
    "MultilabelCrossentropy",
    "RDrop",
    "SimCSE",
    "SpanCrossentropy",
]
