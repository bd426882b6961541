"""Callbacks."""

from keras_tricks.callbacks.log_attribute import LogAttribute
from keras_tricks.callbacks.sample_grid import SampleGrid
from keras_tricks.callbacks.task_weights import TaskWeights

__all__ = ["LogAttribute", "SampleGrid", "TaskWeights"]
