"""Optimizers around optimizers, for `model.compile`."""

from keras_tricks.optimizers.child_tuning import ChildTuning
from keras_tricks.optimizers.exponentiated_gradient import ExponentiatedGradient
from keras_tricks.optimizers.fisher_information import fisher_information
from keras_tricks.optimizers.meta_step_size import MetaStepSize

__all__ = [
    "ChildTuning",
    "ExponentiatedGradient",
    "MetaStepSize",
    "fisher_information",
]
