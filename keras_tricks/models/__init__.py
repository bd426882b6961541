"""The ten-line paths: thin models made of the public parts."""

from keras_tricks.models.span_extractor import SpanExtractor

__all__ = ["SpanExtractor"]
