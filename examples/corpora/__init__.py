"""Labelled texts for examples and measurements; needs only Python itself."""

from .corpus import Corpus
from .corpus import Example
from .corpus import Span
from .mentions import find_mentions
from .ner_files import load_corpus
from .standard_library import standard_library

__all__ = [
    "Corpus",
    "Example",
    "Span",
    "find_mentions",
    "load_corpus",
    "standard_library",
]
