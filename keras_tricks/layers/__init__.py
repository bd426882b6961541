"""Layers."""

from keras_tricks.layers.efficient_global_pointer import EfficientGlobalPointer
from keras_tricks.layers.global_pointer import GlobalPointer
from keras_tricks.layers.gradient_aggregation import GradientAggregation
from keras_tricks.layers.gradient_normalization import GradientNormalization
from keras_tricks.layers.masked_pooling import MaskedPooling
from keras_tricks.layers.pair_features import PairFeatures
from keras_tricks.layers.pair_similarity import PairSimilarity
from keras_tricks.layers.two_views import TwoViews

__all__ = [
    "EfficientGlobalPointer",
    "GlobalPointer",
    "GradientAggregation",
    "GradientNormalization",
    "MaskedPooling",
    "PairFeatures",
    "PairSimilarity",
    "TwoViews",
]
