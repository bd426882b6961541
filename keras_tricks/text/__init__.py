"""Strings and character spans ↔ tokens and labels."""

from keras_tricks.text._align import LostSpan
from keras_tricks.text._align_relations import LostRelation
from keras_tricks.text.decode_relations import decode_relations
from keras_tricks.text.decode_spans import decode_spans
from keras_tricks.text.length_batches import LengthBatches
from keras_tricks.text.relation import Relation
from keras_tricks.text.relation_preprocessor import LostRelationWarning
from keras_tricks.text.relation_preprocessor import RelationPreprocessor
from keras_tricks.text.score_relations import score_relations
from keras_tricks.text.score_spans import score_spans
from keras_tricks.text.sentence_preprocessor import SentencePreprocessor
from keras_tricks.text.span import Span
from keras_tricks.text.span_preprocessor import LostSpanWarning
from keras_tricks.text.span_preprocessor import SpanPreprocessor
from keras_tricks.text.tokenized_texts import TokenizedTexts
from keras_tricks.text.tokenized_texts import TruncatedTextWarning

__all__ = [
    "LengthBatches",
    "LostRelation",
    "LostRelationWarning",
    "LostSpan",
    "LostSpanWarning",
    "Relation",
    "RelationPreprocessor",
    "SentencePreprocessor",
    "Span",
    "SpanPreprocessor",
    "TokenizedTexts",
    "TruncatedTextWarning",
    "decode_relations",
    "decode_spans",
    "score_relations",
    "score_spans",
]
