"""Strings and character spans ↔ tokens and labels."""

from keras_tricks.text._align import LostSpan
from keras_tricks.text.decode_spans import decode_spans
from keras_tricks.text.score_spans import score_spans
from keras_tricks.text.span import Span
from keras_tricks.text.span_preprocessor import LostSpanWarning
from keras_tricks.text.span_preprocessor import SpanPreprocessor
from keras_tricks.text.span_preprocessor import TokenizedTexts
from keras_tricks.text.span_preprocessor import TruncatedTextWarning

__all__ = [
    "LostSpan",
    "LostSpanWarning",
    "Span",
    "SpanPreprocessor",
    "TokenizedTexts",
    "TruncatedTextWarning",
    "decode_spans",
    "score_spans",
]
