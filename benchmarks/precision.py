"""Each part's small training in half precision, against float32.

Every part learns a task made by a random teacher, under each dtype policy,
from the same seeds; its score is taken on held-out rows. A policy is "within
noise" where its mean score is at most two standard errors of the paired
differences, or one deviation of the float32 scores, below that of float32.

    python -m benchmarks.precision [--quick] [--seeds 5] [--steps 150]
"""

import argparse
import statistics

import keras
import numpy as np
from keras import ops

from benchmarks._report import figure
from benchmarks._report import keep
from benchmarks._tables import show
from keras_tricks import layers
from keras_tricks import losses
from keras_tricks import metrics
from keras_tricks import models
from keras_tricks import optimizers
from keras_tricks import regularizers

POLICIES = (
    "float32",
    "mixed_bfloat16",
    "mixed_float16",
    "bfloat16",
    "float16",
)
BATCH, TEST, WIDTH = 32, 512, 8
PARTS = {}


def part(name, unit):
    def enter(train):
        PARTS[name] = (train, unit)
        return train

    return enter


class Data:
    """Rows of a teacher, for training and for the score."""

    def __init__(self, seed, steps):
        self.rng = np.random.default_rng(seed)
        self.rows = BATCH * steps
        self.x = self.normal(self.rows + TEST, WIDTH)

    def normal(self, *shape):
        return self.rng.normal(size=shape).astype("float32")

    def teach(self, outputs, x=None):
        hidden = np.tanh((self.x if x is None else x) @ self.normal(WIDTH, 16))
        return hidden @ self.normal(16, outputs) / 4

    def fit(self, model, x, y):
        cut = keras.tree.map_structure(
            lambda a: None if a is None else a[: self.rows], (x, y)
        )
        model.fit(*cut, batch_size=BATCH, shuffle=False, verbose=0)

    def predict(self, model, x):
        outputs = model.predict(x[self.rows :], batch_size=TEST, verbose=0)
        return keras.tree.map_structure(lambda a: a.astype("float32"), outputs)


def dense(units, activation=None):
    return keras.layers.Dense(units, activation)


def adam():
    return keras.optimizers.Adam(1e-2)


@part("EfficientGlobalPointer and SpanCrossentropy", "F1")
def spans(data):
    """A span from the largest of one feature to the next of another."""
    length = 8
    x = data.normal(len(data.x), length, WIDTH)
    start = x[..., 0].argmax(axis=1)
    after = np.where(
        np.arange(length) >= start[:, None], x[..., 1], -np.inf
    ).argmax(axis=1)
    labels = np.stack([0 * start, start, after], axis=-1)[:, None]
    inputs = keras.Input((length, WIDTH))
    # PyTorch has no orthogonal matrices, the default, in bfloat16.
    hidden = keras.layers.GRU(
        16, return_sequences=True, recurrent_initializer="glorot_uniform"
    )(inputs)
    scores = layers.EfficientGlobalPointer(1, 8)(hidden)
    model = keras.Model(inputs, scores)
    model.compile(adam(), losses.SpanCrossentropy())
    data.fit(model, x, labels)
    metric = metrics.SpanF1()
    metric.update_state(labels[data.rows :], data.predict(model, x))
    return metric.result()["span_f1"]


@part("MultilabelCrossentropy", "F1")
def labels(data):
    y = (data.teach(6) > 0.5).astype("int32")
    model = keras.Sequential([dense(32, "relu"), dense(6)])
    model.compile(adam(), losses.MultilabelCrossentropy())
    data.fit(model, data.x, y)
    found = data.predict(model, data.x) > 0
    true = y[data.rows :]
    return 2 * (found * true).sum() / (found.sum() + true.sum())


@part("CoSENT on PairSimilarity", "Spearman")
def pairs(data):
    x = np.stack([data.x, data.normal(*data.x.shape)], axis=1)
    u, v = x[:, 0] * (1, 1, 0, 0, 0, 0, 0, 0), x[:, 1] * 2
    y = (u * v).sum(axis=-1)
    inputs = keras.Input((2, WIDTH))
    encoder = keras.Sequential([dense(32, "tanh"), dense(8)])
    similarity = layers.PairSimilarity()(
        [encoder(inputs[:, i]) for i in range(2)]
    )
    model = keras.Model(inputs, similarity)
    model.compile(adam(), losses.CoSENT())
    data.fit(model, x, y)
    metric = metrics.SpearmanCorrelation(TEST)
    metric.update_state(y[data.rows :], data.predict(model, x))
    return metric.result()


def classifier(data, optimizer, head=None, loss=None):
    """Accuracy of four classes, half of each row's features noise."""
    y = data.teach(4).argmax(axis=1)
    model = keras.Sequential([dense(32, "relu"), dense(4)])
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trained = head(model) if head else model
    trained.compile(optimizer, loss)
    data.fit(trained, data.x, y)
    found = data.predict(model, data.x).argmax(axis=1)
    return (found == y[data.rows :]).mean()


@part("RDrop on TwoViews", "accuracy")
def views(data):
    def twice(model):
        inputs = keras.Input((WIDTH,))
        dropped = keras.layers.Dropout(0.1, seed=1)(inputs)
        inner = keras.Model(inputs, model(dropped))
        outer = keras.Input((WIDTH,))
        return keras.Model(outer, layers.TwoViews(inner)(outer))

    return classifier(data, adam(), twice, losses.RDrop())


@part("ChildTuning of gradients, Adam", "accuracy")
def child_of_gradients(data):
    return classifier(data, optimizers.ChildTuning(adam(), 0.3, seed=1))


@part("ChildTuning of updates, Adam", "accuracy")
def child_of_updates(data):
    optimizer = optimizers.ChildTuning(adam(), 0.3, apply_to="update", seed=1)
    return classifier(data, optimizer)


@part("MetaStepSize, SGD", "accuracy")
def meta(data):
    sgd = keras.optimizers.SGD(0.1)
    return classifier(data, optimizers.MetaStepSize(sgd))


@part("ExponentiatedGradient, simplex", "R²")
def simplex(data):
    """Weights of a mixture of the features."""
    w = data.rng.dirichlet(np.ones(WIDTH)).astype("float32")
    y = data.x @ w[:, None]
    start = keras.initializers.Constant(1 / WIDTH)
    model = keras.Sequential(
        [keras.layers.Dense(1, use_bias=False, kernel_initializer=start)]
    )
    optimizer = optimizers.ExponentiatedGradient(0.1, "simplex", axis=0)
    model.compile(optimizer, "mse")
    data.fit(model, data.x, y)
    return explained(data, y, data.predict(model, data.x))


def explained(data, y, found):
    true = y[data.rows :]
    return 1 - np.square(found - true).mean() / true.var()


def two_tasks(data, build, **arguments):
    y = data.teach(2) * (1, 10)
    y = {"a": y[:, :1], "b": y[:, 1:]}
    inputs = keras.Input((WIDTH,))
    hidden = keras.Sequential([dense(32, "tanh"), dense(16, "tanh")])(inputs)
    model = build(inputs, hidden)
    model.compile(adam(), {"a": "mse", "b": "mse"}, **arguments)
    data.fit(model, data.x, y)
    found = data.predict(model, data.x)
    return np.mean([explained(data, y[k], found[k]) for k in "ab"])


@part("GradientAggregation, UPGrad", "R²")
def aggregation(data):
    def build(inputs, hidden):
        copies = layers.GradientAggregation(["a", "b"], "upgrad")(hidden)
        heads = {k: keras.layers.Dense(1, name=k)(copies[k]) for k in "ab"}
        return keras.Model(inputs, heads)

    return two_tasks(data, build)


def shared(inputs, hidden):
    heads = {k: keras.layers.Dense(1, name=k)(hidden) for k in "ab"}
    return models.MultiTaskModel(inputs, heads)


@part("MultiTaskModel, UPGrad", "R²")
def multi_task(data):
    return two_tasks(data, shared, aggregator="upgrad")


@part("MultiTaskModel, geometric mean", "R²")
def geometric(data):
    return two_tasks(data, shared, loss_weights="geometric")


def gan(data, critic, **arguments):
    """Minus the distance of the mean and deviation of samples from real."""
    real = 0.5 * data.x[:, :2] + np.float32([1.0, -1.0])
    generator = keras.Sequential([dense(16, "relu"), dense(2)])
    model = models.GAN(generator, critic, latent_dim=4, seed=1, ema=0.9)
    model.compile(
        keras.optimizers.Adam(2e-3, 0.5),
        keras.optimizers.Adam(2e-3, 0.5),
        **arguments,
    )
    data.fit(model, real, None)
    fake = np.asarray(model.generate(2 * TEST, seed=1), "float32")
    gap = [fake.mean(0) - real.mean(0), fake.std(0) - real.std(0)]
    return -np.linalg.norm(np.concatenate(gap))


def critic_net():
    return keras.Sequential([dense(32, "leaky_relu"), dense(1)])


@part("GAN with GradientNormalization", "−distance")
def normalized(data):
    return gan(data, layers.GradientNormalization(critic_net()))


@part("GAN with GradientPenalty", "−distance")
def penalized(data):
    penalty = regularizers.GradientPenalty(1.0, seed=1)
    return gan(data, critic_net(), loss="wasserstein", penalty=penalty)


def score(train, policy, seed, steps):
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(policy)
    try:
        return float(ops.convert_to_numpy(train(Data(seed, steps))))
    finally:
        keras.config.set_dtype_policy("float32")


def rows_of(name, scores, unit, settings):
    """The figures of a part: scores by policy, and whether they are worse."""
    wide = np.array(scores["float32"])
    for policy, found in scores.items():
        for seed, value in enumerate(found):
            finite = np.isfinite(value)
            yield figure(
                f"Score after {settings['steps']} steps",
                name,
                policy,
                value if finite else None,
                unit,
                seed=seed,
                note=None if finite else "not finite",
                **settings,
            )
        if policy == "float32":
            continue
        lost = wide - np.array(found)
        finite = np.isfinite(lost).all()
        error = statistics.stdev(lost) / len(lost) ** 0.5 if finite else None
        noise = max(2 * error, statistics.stdev(wide)) if finite else None
        yield figure(
            "Lost to half precision, over the noise of float32",
            name,
            policy,
            float(lost.mean() / noise) if finite and noise else None,
            "× noise",
            note=None if finite and noise else "not finite",
            **settings,
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--only", help="a part of a name")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seeds, arguments.steps = 2, 30
    settings = {"seeds": arguments.seeds, "steps": arguments.steps}
    rows = []
    for name, (train, unit) in PARTS.items():
        if arguments.only and arguments.only not in name:
            continue
        scores = {
            policy: [
                score(train, policy, seed, arguments.steps)
                for seed in range(arguments.seeds)
            ]
            for policy in POLICIES
        }
        print(name, {k: np.round(v, 3).tolist() for k, v in scores.items()})
        rows += rows_of(name, scores, unit, settings)
    keep("precision", rows)
    show(rows)


if __name__ == "__main__":
    main()
