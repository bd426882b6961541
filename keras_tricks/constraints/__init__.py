"""Constraints."""

from keras_tricks.constraints.weight_clipping import WeightClipping

__all__ = ["WeightClipping"]
