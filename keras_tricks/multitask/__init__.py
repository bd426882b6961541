"""Many tasks: gradients → weights, losses → one loss."""

from keras_tricks.multitask._get import get
from keras_tricks.multitask._get import get_loss_weighting
from keras_tricks.multitask.aggregator import Aggregator
from keras_tricks.multitask.aligned_mtl import AlignedMTL
from keras_tricks.multitask.cagrad import CAGrad
from keras_tricks.multitask.dynamic_losses import DynamicLosses
from keras_tricks.multitask.dynamic_weight_average import DynamicWeightAverage
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
from keras_tricks.multitask.prior_loss import prior_loss
from keras_tricks.multitask.random_weights import RandomWeights
from keras_tricks.multitask.uncertainty import Uncertainty
from keras_tricks.multitask.upgrad import UPGrad

# In the order of sorted(), which the names in capitals break for the linter.
__all__ = [  # noqa: RUF022
    "Aggregator",
    "AlignedMTL",
    "CAGrad",
    "DynamicLosses",
    "DynamicWeightAverage",
    "FAMO",
    "FrankWolfe",
    "GeneralizedMean",
    "IMTLG",
    "InitialLosses",
    "LossWeighting",
    "MGDA",
    "Mean",
    "NashMTL",
    "NormalizedSum",
    "PCGrad",
    "PrimaryAuxiliary",
    "RandomWeights",
    "UPGrad",
    "Uncertainty",
    "get",
    "get_loss_weighting",
    "prior_loss",
]
