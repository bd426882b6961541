"""Training tricks of the kexue.fm posts, as Keras 3 parts for every backend.

| problem | part |
|---|---|
| find entities, nested or not, in text | `models.SpanExtractor` |
| score every span of a sequence | `layers.EfficientGlobalPointer` |
| the same with a query and key per type | `layers.GlobalPointer` |
| train span scores from sparse labels | `losses.SpanCrossentropy` |
| train many labels, few of them true | `losses.MultilabelCrossentropy` |
| precision, recall and F1 of spans | `metrics.SpanF1` |
| character spans ↔ tokens and labels | `text.SpanPreprocessor` |
| scores → spans of text | `text.decode_spans` |
| relations between spans, from text | `models.RelationExtractor` |
| how well scores rank, over an epoch | `metrics.SpearmanCorrelation` |
| accuracy or F1 before a threshold is known | `metrics.BestThresholdAccuracy` |
| scores → decisions | `thresholds.fit_threshold` |
| probabilities → classes | `thresholds.fit_class_weights` |
| fine-tune a part of the weights | `optimizers.ChildTuning` |
| rank the weights for it | `optimizers.fisher_information` |
| combine the gradients of many tasks | `multitask.UPGrad` and others |
| train without knowing the learning rate | `optimizers.MetaStepSize` |
| weights that are ≥ 0 or sum to 1 | `optimizers.ExponentiatedGradient` |
| a learnt number in the logs | `callbacks.LogAttribute` |
| generate entries of a database only | `samplers.ConstrainedSampler` |
| train sentence similarity | `models.SentenceEncoder`, `losses.CoSENT` |
| balance tasks that share an encoder | `layers.GradientAggregation` |
| train a GAN with `fit` | `models.GAN` |
| how far generated samples are from real ones | `metrics.FrechetDistance` |
| a picture of samples while a GAN trains | `callbacks.SampleGrid` |
| a critic with a gradient of at most 1 | `layers.GradientNormalization` |
| a penalty on the critic's gradient | `regularizers.GradientPenalty` |
| weights of a critic in a box | `constraints.WeightClipping` |
"""

from keras_tricks import callbacks
from keras_tricks import constraints
from keras_tricks import layers
from keras_tricks import losses
from keras_tricks import metrics
from keras_tricks import models
from keras_tricks import multitask
from keras_tricks import optimizers
from keras_tricks import regularizers
from keras_tricks import samplers
from keras_tricks import text
from keras_tricks import thresholds

__version__ = "0.1.0.dev0"
__all__ = [
    "callbacks",
    "constraints",
    "layers",
    "losses",
    "metrics",
    "models",
    "multitask",
    "optimizers",
    "regularizers",
    "samplers",
    "text",
    "thresholds",
]
