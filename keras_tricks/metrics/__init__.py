"""Metrics."""

from keras_tricks.metrics.best_threshold import BestThresholdAccuracy
from keras_tricks.metrics.best_threshold import BestThresholdF1
from keras_tricks.metrics.frechet_distance import FrechetDistance
from keras_tricks.metrics.span_f1 import SpanF1
from keras_tricks.metrics.spearman_correlation import SpearmanCorrelation

__all__ = [
    "BestThresholdAccuracy",
    "BestThresholdF1",
    "FrechetDistance",
    "SpanF1",
    "SpearmanCorrelation",
]
