"""Scores → decisions: what was fitted on labelled data, to be deployed."""

from keras_tricks.thresholds.class_weights import ClassWeights
from keras_tricks.thresholds.fit_class_weights import fit_class_weights
from keras_tricks.thresholds.fit_threshold import fit_threshold
from keras_tricks.thresholds.threshold import Threshold

__all__ = ["ClassWeights", "Threshold", "fit_class_weights", "fit_threshold"]
