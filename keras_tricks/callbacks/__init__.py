"""Callbacks."""

from keras_tricks.callbacks.log_attribute import LogAttribute
from keras_tricks.callbacks.task_weights import TaskWeights

__all__ = ["LogAttribute", "TaskWeights"]
