"""Layers."""

from keras_tricks.layers.efficient_global_pointer import EfficientGlobalPointer
from keras_tricks.layers.global_pointer import GlobalPointer

__all__ = ["EfficientGlobalPointer", "GlobalPointer"]
