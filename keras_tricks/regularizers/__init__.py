"""Regularizers."""

from keras_tricks.regularizers.gradient_penalty import GradientPenalty

__all__ = ["GradientPenalty"]
