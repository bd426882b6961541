"""Every public part with arguments that it takes, one of them to be spoilt.

`PARTS` maps a name to `(part, arguments)`, a function and good arguments. What
is passed on to Keras (`name`, `dtype`, `**kwargs`) is not listed.
"""

import functools
import tempfile

import keras
import numpy as np

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
from tests.text.vocabularies import bert_tokenizer

TOKENIZER = bert_tokenizer()


@functools.cache
def dense(units=2):
    return keras.layers.Dense(units)


@functools.cache
def net(inputs=3, outputs=2):
    return keras.Sequential(
        [keras.Input((inputs,)), keras.layers.Dense(outputs)]
    )


@functools.cache
def backbone():
    ids = keras.Input((None,), dtype="int32", name="ids")
    return keras.Model(ids, keras.layers.Embedding(40, 8)(ids))


@functools.cache
def trie():
    return samplers.Trie([[2, 3], [4]])


@functools.cache
def constraint():
    return samplers.TrieConstraint(trie(), 8, 1)


def sgd():
    return keras.optimizers.SGD(0.1)


def scorer(**more):
    return dict(
        num_types=2,
        head_dim=4,
        use_rotary=True,
        ordered=True,
        use_bias=True,
        kernel_initializer="lecun_normal",
        kernel_regularizer=None,
        **more,
    )


TRIE = dict(vocabulary_size=8, end_token_id=1)
BOUNDS = dict(lower_bounds=(0.0, 0.0))
SCORES = np.array([0.1, 0.4, 0.35, 0.8])
LABELS = np.array([0, 0, 1, 1])
OFFSETS = np.array([[[0, 0], [0, 3], [4, 7], [0, 0]]])

PARTS = {
    "LogAttribute": (callbacks.LogAttribute, dict(path="optimizer.x")),
    "SampleGrid": (
        callbacks.SampleGrid,
        dict(
            folder=tempfile.gettempdir(),
            every=1,
            size=2,
            labels=None,
            value_range=(-1.0, 1.0),
            seed=0,
        ),
    ),
    "WeightClipping": (constraints.WeightClipping, dict(limit=0.1)),
    "EfficientGlobalPointer": (
        layers.EfficientGlobalPointer,
        scorer(factored=False),
    ),
    "GlobalPointer": (layers.GlobalPointer, scorer()),
    "GradientAggregation": (
        layers.GradientAggregation,
        dict(tasks=2, aggregator="mgda", track=True),
    ),
    "GradientNormalization": (
        layers.GradientNormalization,
        dict(discriminator=dense(), variant="gn", epsilon=None),
    ),
    "MaskedPooling": (layers.MaskedPooling, dict(mode="mean")),
    "TwoViews": (layers.TwoViews, dict(layer=dense())),
    "AnglE": (losses.AnglE, dict(scale=20.0, across_replicas=False)),
    "CoSENT": (losses.CoSENT, dict(scale=20.0, across_replicas=False)),
    "MultilabelCrossentropy": (
        losses.MultilabelCrossentropy,
        dict(axis=-1, reduction="sum"),
    ),
    "RDrop": (losses.RDrop, dict(alpha=4.0, reduction="sum")),
    "SimCSE": (
        losses.SimCSE,
        dict(temperature=0.05, across_replicas=False, reduction="sum"),
    ),
    "SpanCrossentropy": (
        losses.SpanCrossentropy,
        dict(type_reduction="mean", reduction="sum"),
    ),
    "BestThresholdAccuracy": (
        metrics.BestThresholdAccuracy,
        dict(max_samples=8),
    ),
    "BestThresholdF1": (metrics.BestThresholdF1, dict(max_samples=8)),
    "SpearmanCorrelation": (metrics.SpearmanCorrelation, dict(max_samples=8)),
    "FrechetDistance": (
        metrics.FrechetDistance,
        dict(feature_extractor=net()),
    ),
    "SpanF1": (
        metrics.SpanF1,
        dict(average="macro", num_types=2, threshold=0.0),
    ),
    "GAN": (
        models.GAN,
        dict(
            generator=net(3, 2),
            discriminator=net(2, 1),
            latent_dim=3,
            num_critic_steps=1,
            ema=0.9,
            seed=1,
        ),
    ),
    "SpanExtractor": (
        models.SpanExtractor,
        dict(
            backbone=backbone(),
            preprocessor=text.SpanPreprocessor(TOKENIZER, ["a"], 8),
            head="efficient",
            head_dim=4,
            factored=False,
        ),
    ),
    "RelationExtractor": (
        models.RelationExtractor,
        dict(
            backbone=backbone(),
            preprocessor=text.RelationPreprocessor(TOKENIZER, ["a"], 8),
            head_dim=4,
            factored=True,
        ),
    ),
    "SentenceEncoder": (
        models.SentenceEncoder,
        dict(
            backbone=backbone(),
            preprocessor=text.SentencePreprocessor(TOKENIZER, 8),
            pooling="mean",
        ),
    ),
    "CAGrad": (multitask.CAGrad, dict(conflict_aversion=0.5)),
    "FrankWolfe": (multitask.FrankWolfe, dict(num_steps=5)),
    "PrimaryAuxiliary": (multitask.PrimaryAuxiliary, dict(primary=0)),
    "DynamicLosses": (multitask.DynamicLosses, BOUNDS),
    "DynamicWeightAverage": (
        multitask.DynamicWeightAverage,
        dict(period=2, temperature=2.0),
    ),
    "FAMO": (multitask.FAMO, dict(learning_rate=0.1, decay=0.0, **BOUNDS)),
    "GeneralizedMean": (multitask.GeneralizedMean, dict(power=0.0, **BOUNDS)),
    "InitialLosses": (multitask.InitialLosses, dict(num_steps=1, **BOUNDS)),
    "RandomWeights": (multitask.RandomWeights, dict(seed=1)),
    "multitask.get": (multitask.get, dict(identifier="mgda")),
    "get_loss_weighting": (
        multitask.get_loss_weighting,
        dict(identifier="famo"),
    ),
    "prior_loss": (multitask.prior_loss, dict(labels=[0, 1, 1], classes=True)),
    "ChildTuning": (
        lambda **arguments: optimizers.ChildTuning(
            **{"inner_optimizer": sgd(), **arguments}
        ),
        dict(
            reserve_p=0.5,
            mode="task_free",
            apply_to="gradient",
            seed=1,
        ),
    ),
    "ChildTuning, inner": (
        optimizers.ChildTuning,
        dict(inner_optimizer="sgd", reserve_p=0.5),
    ),
    "MetaStepSize": (
        lambda **arguments: optimizers.MetaStepSize(
            **{"inner_optimizer": sgd(), **arguments}
        ),
        dict(
            scale_learning_rate=1.0,
            scale_decay_steps=20,
            gain_learning_rate=0.01,
            initial_scale=0.01,
            scale_range=(1e-10, 1e10),
            gain_range=(0.01, 100.0),
            use_directions=True,
            use_signs=True,
            gains_on="update",
        ),
    ),
    "ExponentiatedGradient": (
        optimizers.ExponentiatedGradient,
        dict(learning_rate=0.1, constraint="simplex", axis=-1, beta=0.1),
    ),
    "GradientPenalty": (
        regularizers.GradientPenalty,
        dict(weight=1.0, target=1.0, at="lines", seed=1),
    ),
    "ConstrainedSampler": (
        samplers.ConstrainedSampler,
        dict(sampler="greedy", constraint=constraint()),
    ),
    "ConstrainedBeamSampler": (
        samplers.ConstrainedBeamSampler,
        dict(
            constraint=constraint(),
            num_beams=2,
            normalization="global",
            length_penalty=0.0,
            return_all_beams=False,
        ),
    ),
    "Trie": (samplers.Trie, dict(sequences=[[2, 3], [4]], values=[1, 2])),
    "TrieConstraint": (samplers.TrieConstraint, dict(trie=trie(), **TRIE)),
    "LookAheadConstraint": (
        samplers.LookAheadConstraint,
        dict(trie=trie(), questions=[[2]], length=2, max_entries=4, **TRIE),
    ),
    "PassageConstraint": (
        samplers.PassageConstraint,
        dict(passages=[[2, 3]], per_row=False, length=2, **TRIE),
    ),
    "best_trie_path": (
        samplers.best_trie_path,
        dict(
            log_probs=np.zeros((1, 3, 8), "float32"),
            trie=trie(),
            num_best=1,
            end_token_id=1,
            normalization="sum",
        ),
    ),
    "SpanPreprocessor": (
        text.SpanPreprocessor,
        dict(tokenizer=TOKENIZER, labels=["a"], sequence_length=8, overlap=2),
    ),
    "RelationPreprocessor": (
        text.RelationPreprocessor,
        dict(
            tokenizer=TOKENIZER, predicates=["a"], sequence_length=8, overlap=2
        ),
    ),
    "SentencePreprocessor": (
        text.SentencePreprocessor,
        dict(tokenizer=TOKENIZER, sequence_length=8),
    ),
    "LengthBatches": (
        text.LengthBatches,
        dict(
            x={"padding_mask": np.ones((4, 3), "int32")},
            labels=np.zeros(4),
            weights=np.ones(4),
            batch_size=2,
            shuffle=False,
        ),
    ),
    "decode_spans": (
        text.decode_spans,
        dict(
            scores=np.ones((1, 1, 4, 4), "float32"),
            texts=["Ada met"],
            offsets=OFFSETS,
            labels=["a"],
            threshold=0.0,
            allow_overlap=True,
        ),
    ),
    "decode_relations": (
        text.decode_relations,
        dict(
            entities=np.ones((1, 2, 4, 4), "float32"),
            heads=np.ones((1, 1, 4, 4), "float32"),
            tails=np.ones((1, 1, 4, 4), "float32"),
            texts=["Ada met"],
            offsets=OFFSETS,
            predicates=["a"],
            threshold=0.0,
        ),
    ),
    "score_spans": (
        text.score_spans,
        dict(predicted=[[(0, 1, "a")]], labelled=[[(0, 1, "a")]]),
    ),
    "ClassWeights": (
        thresholds.ClassWeights,
        dict(weights=(1.0, 2.0), metric="f1", score=0.5),
    ),
    "Threshold": (
        thresholds.Threshold,
        dict(threshold=0.5, metric="f1", score=0.5),
    ),
    "fit_threshold": (
        thresholds.fit_threshold,
        dict(scores=SCORES, labels=LABELS, metric="f1"),
    ),
    "fit_class_weights": (
        thresholds.fit_class_weights,
        dict(
            probabilities=np.array([[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]]),
            labels=np.array([1, 0, 1]),
            metric="accuracy",
            method="coordinate",
        ),
    ),
}

ARGUMENTS = [
    (name, argument)
    for name, (_, arguments) in PARTS.items()
    for argument in arguments
]
