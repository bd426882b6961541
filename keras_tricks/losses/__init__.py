"""Losses."""

from keras_tricks.losses.multilabel_crossentropy import MultilabelCrossentropy
from keras_tricks.losses.span_crossentropy import SpanCrossentropy

__all__ = ["MultilabelCrossentropy", "SpanCrossentropy"]
