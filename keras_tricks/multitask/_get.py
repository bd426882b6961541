"""Aggregators and loss weightings by name."""

from typing import Any

import keras

from keras_tricks.multitask.aggregator import Aggregator
from keras_tricks.multitask.aligned_mtl import AlignedMTL
from keras_tricks.multitask.cagrad import CAGrad
from keras_tricks.multitask.dynamic_losses import DynamicLosses
from keras_tricks.multitask.famo import FAMO
from keras_tricks.multitask.frank_wolfe import FrankWolfe
from keras_tricks.multitask.generalized_mean import GeneralizedMean
from keras_tricks.multitask.imtlg import IMTLG
from keras_tricks.multitask.initial_losses import InitialLosses
from keras_tricks.multitask.loss_weighting import LossWeighting
from keras_tricks.multitask.mean import Mean
from keras_tricks.multitask.mgda import MGDA
from keras_tricks.multitask.nash_mtl import NashMTL
from keras_tricks.multitask.normalized_sum import NormalizedSum
from keras_tricks.multitask.pcgrad import PCGrad
from keras_tricks.multitask.primary_auxiliary import PrimaryAuxiliary
from keras_tricks.multitask.random_weights import RandomWeights
from keras_tricks.multitask.uncertainty import Uncertainty
from keras_tricks.multitask.upgrad import UPGrad

_NAMES = {
    "aligned_mtl": AlignedMTL,
    "cagrad": CAGrad,
    "frank_wolfe": FrankWolfe,
    "imtlg": IMTLG,
    "mean": Mean,
    "mgda": MGDA,
    "nash_mtl": NashMTL,
    "normalized_sum": NormalizedSum,
    "pcgrad": PCGrad,
    "primary_auxiliary": PrimaryAuxiliary,
    "upgrad": UPGrad,
}


def get(identifier: Any) -> Aggregator:
    """Find an aggregator by its name, its serialized form, or itself.

    Args:
        identifier: `"aligned_mtl"`, `"cagrad"`, `"frank_wolfe"`, `"imtlg"`,
            `"mean"`, `"mgda"`, `"nash_mtl"`, `"normalized_sum"`, `"pcgrad"`,
            `"primary_auxiliary"` or `"upgrad"`, made with its defaults; what
            `keras.saving.serialize_keras_object` made of an aggregator; or an
            `Aggregator`.

    Returns:
        The `Aggregator`.

    Raises:
        ValueError: If `identifier` is none of these.

    Example:

    >>> from keras_tricks import multitask
    >>> type(multitask.get("upgrad")).__name__
    'UPGrad'
    """
    if isinstance(identifier, dict) and "class_name" in identifier:
        identifier = keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, str) and identifier in _NAMES:
        return _NAMES[identifier]()
    if isinstance(identifier, Aggregator):
        return identifier
    raise ValueError(
        f"`identifier` of an aggregator must be one of {tuple(_NAMES)}, or an "
        f"`Aggregator`. Received: identifier={identifier!r}"
    )


_LOSS_WEIGHTINGS = {
    "dynamic": DynamicLosses,
    "famo": FAMO,
    "geometric": GeneralizedMean,
    "initial": InitialLosses,
    "random": RandomWeights,
    "uncertainty": Uncertainty,
}


def get_loss_weighting(identifier: Any) -> LossWeighting:
    """Find a loss weighting by its name, its serialized form, or itself.

    Args:
        identifier: `"dynamic"`, `"famo"`, `"geometric"`, `"initial"`,
            `"random"` or `"uncertainty"`, made with its defaults; what
            `keras.saving.serialize_keras_object` made of a weighting; or a
            `LossWeighting`.

    Returns:
        The `LossWeighting`.

    Raises:
        ValueError: If `identifier` is none of these.

    Example:

    >>> from keras_tricks import multitask
    >>> type(multitask.get_loss_weighting("geometric")).__name__
    'GeneralizedMean'
    """
    if isinstance(identifier, dict) and "class_name" in identifier:
        identifier = keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, str) and identifier in _LOSS_WEIGHTINGS:
        return _LOSS_WEIGHTINGS[identifier]()
    if isinstance(identifier, LossWeighting):
        return identifier
    raise ValueError(
        "`identifier` of a loss weighting must be one of "
        f"{tuple(_LOSS_WEIGHTINGS)}, or a `LossWeighting`. Received: "
        f"identifier={identifier!r}"
    )
