"""Small trainings, one of each part: the same on one device and on many.

Each case returns a compiled model and data. Weights come from NumPy; dropout
is off, and the noise of GANs is a function of the rows, so that a row's share
does not depend on where it is computed.
"""

import keras
import keras_hub
import numpy as np
from keras import ops

from keras_tricks import layers
from keras_tricks import losses
from keras_tricks import metrics
from keras_tricks import models
from keras_tricks import multitask
from keras_tricks import optimizers
from keras_tricks import regularizers
from keras_tricks import samplers

# Rows of a batch: divisible by eight devices.
BATCH, STEPS = 16, 3
ROWS = BATCH * STEPS
LENGTH, WIDTH = 4, 6
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def integers(high, *shape, seed=1):
    return np.random.default_rng(seed).integers(0, high, shape)


def trunk(units=8):
    """The layer whose kernel a `ModelParallel` distribution divides."""
    return keras.layers.Dense(units, "tanh", name="trunk")


def compiled(model, optimizer=None, loss="mse", positive=False, **arguments):
    rng = np.random.default_rng(3)
    weights = [rng.normal(0, 0.5, w.shape) for w in model.get_weights()]
    model.set_weights([np.abs(w) if positive else w for w in weights])
    optimizer = optimizer or keras.optimizers.SGD(0.05)
    if hasattr(optimizer, "choose_child"):
        choose_child(optimizer, model.trainable_variables)
    jit_compile = keras.config.backend() == "jax"
    model.compile(optimizer, loss, jit_compile=jit_compile, **arguments)
    return model


def choose_child(optimizer, variables):
    if optimizer.mode == "task_driven":
        optimizer.choose_child(
            variables, [np.abs(numbers(*v.shape, seed=5)) for v in variables]
        )


# Layers and losses.


def spans(scorer, loss):
    inputs = keras.Input((LENGTH, WIDTH))
    model = keras.Model(inputs, scorer(trunk()(inputs)))
    compiled(model, loss=loss)
    start = integers(LENGTH, ROWS, 2)
    kind = integers(2, ROWS, 2, seed=2)
    end = np.minimum(start + integers(2, ROWS, 2, seed=3), LENGTH - 1)
    labels = np.stack([kind, start, end], axis=-1)
    return model, numbers(ROWS, LENGTH, WIDTH), labels


@case
def global_pointer():
    scorer = layers.GlobalPointer(2, 4)
    return spans(scorer, losses.SpanCrossentropy())


@case
def efficient_global_pointer():
    scorer = layers.EfficientGlobalPointer(2, 4)
    return spans(scorer, losses.SpanCrossentropy("sum"))


@case
def factored_global_pointer():
    scorer = layers.EfficientGlobalPointer(2, 4, factored=True)
    return spans(scorer, losses.SpanCrossentropy())


@case
def multilabel_crossentropy():
    inputs = keras.Input((WIDTH,))
    model = keras.Model(inputs, keras.layers.Dense(5)(trunk()(inputs)))
    compiled(model, loss=losses.MultilabelCrossentropy())
    return model, numbers(ROWS, WIDTH), integers(2, ROWS, 5)


def sentences(head, loss, mode="mean"):
    inputs = keras.Input((2, LENGTH, WIDTH))
    encode, pool = trunk(), layers.MaskedPooling(mode)
    u, v = (pool(encode(inputs[:, i])) for i in range(2))
    model = keras.Model(inputs, head(u, v))
    compiled(model, loss=loss)
    return model, numbers(ROWS, 2, LENGTH, WIDTH), integers(3, ROWS)


@case
def pair_features():
    def head(u, v):
        return keras.layers.Dense(3)(layers.PairFeatures()([u, v]))

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return sentences(head, loss, "max")


def similarity(u, v):
    return layers.PairSimilarity()([u, v])


def both(u, v):
    return ops.stack([u, v], axis=1)


@case
def cosent():
    return sentences(similarity, losses.CoSENT())


@case
def cosent_across_replicas():
    return sentences(similarity, losses.CoSENT(across_replicas=True))


@case
def angle():
    return sentences(both, losses.AnglE())


@case
def angle_across_replicas():
    return sentences(both, losses.AnglE(across_replicas=True))


def views(loss, classes):
    inputs = keras.Input((WIDTH,))
    encoder = keras.Sequential(
        [keras.Input((WIDTH,)), trunk(), keras.layers.Dense(classes)]
    )
    model = keras.Model(inputs, layers.TwoViews(encoder)(inputs))
    compiled(model, loss=loss)
    return model, numbers(ROWS, WIDTH), integers(classes, ROWS)


@case
def simcse():
    return views(losses.SimCSE(), 4)


@case
def simcse_across_replicas():
    return views(losses.SimCSE(across_replicas=True), 4)


@case
def rdrop():
    return views(losses.RDrop(), 3)


@case
def gradient_normalization():
    inputs = keras.Input((WIDTH,))
    critic = keras.Sequential([trunk(), keras.layers.Dense(1)])
    scores = layers.GradientNormalization(critic)(inputs)
    return compiled(keras.Model(inputs, scores)), *regression()


# Optimizers.


def regression(targets=1):
    return numbers(ROWS, WIDTH), numbers(ROWS, targets, seed=4)


def perceptron(optimizer, **arguments):
    inputs = keras.Input((WIDTH,))
    model = keras.Model(inputs, keras.layers.Dense(1)(trunk()(inputs)))
    return compiled(model, optimizer, **arguments), *regression()


def adam():
    return keras.optimizers.Adam(0.01)


@case
def child_tuning_of_gradients():
    return perceptron(optimizers.ChildTuning(adam(), 0.4, seed=3))


@case
def child_tuning_of_updates():
    return perceptron(
        optimizers.ChildTuning(adam(), 0.4, apply_to="update", seed=3)
    )


@case
def task_driven_child_tuning():
    return perceptron(optimizers.ChildTuning(adam(), 0.4, mode="task_driven"))


@case
def meta_step_size():
    return perceptron(
        optimizers.MetaStepSize(keras.optimizers.SGD(0.1), initial_scale=0.1)
    )


@case
def exponentiated_gradient():
    return perceptron(optimizers.ExponentiatedGradient(0.1), positive=True)


# Several tasks.


def two_tasks():
    x, y = regression(2)
    return x, {"a": y[:, :1], "b": 3 * y[:, 1:]}


def aggregation(aggregator):
    inputs = keras.Input((WIDTH,))
    copies = layers.GradientAggregation(["a", "b"], aggregator)(trunk()(inputs))
    outputs = {k: keras.layers.Dense(1, name=k)(v) for k, v in copies.items()}
    return compiled(keras.Model(inputs, outputs)), *two_tasks()


@case
def gradient_aggregation_by_upgrad():
    return aggregation("upgrad")


@case
def gradient_aggregation_by_mgda():
    return aggregation("mgda")


def multi_task(**arguments):
    inputs = keras.Input((WIDTH,))
    h = trunk()(inputs)
    outputs = {k: keras.layers.Dense(1, name=k)(h) for k in "ab"}
    model = models.MultiTaskModel(inputs, outputs)
    compiled(model, loss={"a": "mse", "b": "mse"}, **arguments)
    return model, *two_tasks()


@case
def multi_task_model_by_upgrad():
    return multi_task(aggregator="upgrad")


@case
def multi_task_model_by_uncertainty():
    return multi_task(loss_weights="uncertainty")


@case
def multi_task_model_by_the_geometric_mean():
    return multi_task(loss_weights="geometric")


@case
def multi_task_model_by_dynamic_losses():
    return multi_task(loss_weights="dynamic")


@case
def multi_task_model_by_initial_losses():
    return multi_task(loss_weights="initial")


@case
def multi_task_model_by_famo():
    return multi_task(loss_weights="famo")


@case
def multi_task_model_by_a_weight_average():
    return multi_task(loss_weights=multitask.DynamicWeightAverage(1))


# GANs.


class RowGAN(models.GAN):
    """A GAN whose noise is a function of the real rows."""

    def fake(self, real, conditions):
        noise = ops.sin(13.0 * real[:, : self.latent_dim])
        return ops.cast(self.generator(noise, training=True), real.dtype)


def gan(critic, kind=RowGAN, **arguments):
    generator = keras.Sequential([trunk(), keras.layers.Dense(WIDTH)])
    model = kind(generator, critic, latent_dim=3, ema=0.9, seed=1)
    rng = np.random.default_rng(3)
    for net in (model.generator, model.discriminator):
        net.set_weights(
            [rng.normal(0, 0.5, w.shape) for w in net.get_weights()]
        )
    for average, v in zip(
        model.ema_weights, model.generator.trainable_variables, strict=True
    ):
        average.assign(ops.convert_to_numpy(v))
    model.compile(
        keras.optimizers.SGD(0.05),
        keras.optimizers.SGD(0.1),
        jit_compile=keras.config.backend() == "jax",
        **arguments,
    )
    return model, numbers(ROWS, WIDTH), None


def critic_net():
    return keras.Sequential(
        [keras.layers.Dense(8, "leaky_relu"), keras.layers.Dense(1)]
    )


@case
def normalized_gan():
    return gan(layers.GradientNormalization(critic_net()), loss="hinge")


@case
def penalized_gan():
    penalty = regularizers.GradientPenalty(1.0, at="real")
    return gan(critic_net(), loss="wasserstein", penalty=penalty)


# What a case leaves behind.


def trained(name, fit):
    """The numbers that a case ends with, by name."""
    model, x, y = CASES[name]()
    logs = fit(model, x, y)
    found = {
        f"weight {i} {w.name}": value_of(w) for i, w in enumerate(model.weights)
    }
    found.update({f"log {k}": np.asarray(v) for k, v in logs.items()})
    return model, {f"{name}: {k}": v for k, v in found.items()}


def value_of(variable):
    return np.asarray(ops.convert_to_numpy(variable), "float32")


def fit(model, x, y):
    """Train as users do; the losses of the whole epoch."""
    logs = model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0).history
    return {k: v[-1] for k, v in logs.items() if k.endswith("loss")}


def metric_results():
    """Metrics of an epoch, by `evaluate` of a model that passes inputs on."""
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    scores, labels = numbers(ROWS, 1), integers(2, ROWS, 1)
    model.compile(
        loss="mse",
        metrics=[
            metrics.SpearmanCorrelation(max_samples=64),
            metrics.BestThresholdAccuracy(max_samples=64),
            metrics.BestThresholdF1(max_samples=64),
        ],
    )
    logs = model.evaluate(
        scores, labels, batch_size=BATCH, verbose=0, return_dict=True
    )
    return {f"metrics: {k}": np.asarray(v) for k, v in logs.items()}


def generated():
    """Constrained answers of a language model, a batch of prompts at a time."""
    backbone = keras_hub.models.GPT2Backbone(12, 1, 2, 8, 16, 0.0, 8)
    model = keras_hub.models.GPT2CausalLM(backbone, preprocessor=None)
    rng = np.random.default_rng(0)
    for weight in sorted(model.weights, key=lambda w: w.path):
        weight.assign(rng.normal(scale=0.5, size=weight.shape))
    trie = samplers.Trie([[2, 3], [2, 3, 4], [5], [6, 7, 6], [6, 8]])
    constraint = samplers.TrieConstraint(trie, 12, end_token_id=1)
    tokens = np.zeros((BATCH, 8), "int32")
    tokens[:, :2] = integers(10, BATCH, 2) + 2
    inputs = {"token_ids": tokens, "padding_mask": np.int32(tokens > 0)}
    answers = {}
    for name, sampler in {
        "greedy": samplers.ConstrainedSampler("greedy", constraint),
        "beams": samplers.ConstrainedBeamSampler(constraint, 3),
    }.items():
        model.compile(sampler=sampler)
        found = model.generate(inputs, stop_token_ids=[1])["token_ids"]
        answers[f"generated: {name}"] = np.asarray(found)
    return answers
