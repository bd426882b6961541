"""Optimizers around optimizers, for `model.compile`."""

from keras_tricks.optimizers.child_tuning import ChildTuning
from keras_tricks.optimizers.fisher_information import fisher_information

__all__ = ["ChildTuning", "fisher_information"]
