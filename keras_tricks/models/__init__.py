"""The ten-line paths: thin models made of the public parts."""

from keras_tricks.models.gan import GAN
from keras_tricks.models.multi_task_model import MultiTaskModel
from keras_tricks.models.relation_extractor import RelationExtractor
from keras_tricks.models.sentence_encoder import SentenceEncoder
from keras_tricks.models.span_extractor import SpanExtractor
from keras_tricks.models.task_balancing import TaskBalancing

__all__ = [
    "GAN",
    "MultiTaskModel",
    "RelationExtractor",
    "SentenceEncoder",
    "SpanExtractor",
    "TaskBalancing",
]
