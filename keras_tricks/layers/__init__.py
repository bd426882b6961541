"""Layers."""

from keras_tricks.layers.efficient_global_pointer import EfficientGlobalPointer
from keras_tricks.layers.global_pointer import GlobalPointer
from keras_tricks.layers.two_views import TwoViews

__all__ = ["EfficientGlobalPointer", "GlobalPointer", "TwoViews"]
