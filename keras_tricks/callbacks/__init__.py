"""Callbacks."""

from keras_tricks.callbacks.log_attribute import LogAttribute

__all__ = ["LogAttribute"]
