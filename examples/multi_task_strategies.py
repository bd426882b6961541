"""Ways to train one network on several tasks, and one network for each."""

import time
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from keras_tricks import multitask
from keras_tricks.layers import GradientAggregation
from keras_tricks.models import MultiTaskModel

AGGREGATORS = {
    "mean": "mean",
    "normalized_sum": "normalized_sum",
    "mgda": "mgda",
    # For two tasks its first step is exact.
    "frank_wolfe": multitask.FrankWolfe(num_steps=2),
    "pcgrad": "pcgrad",
    "cagrad": "cagrad",
    "upgrad": "upgrad",
    "imtlg": "imtlg",
    "nash_mtl": "nash_mtl",
    "aligned_mtl": "aligned_mtl",
    "primary_auxiliary": "primary_auxiliary",
}
FULL = ("mgda", "upgrad", "nash_mtl")


class Strategy(NamedTuple):
    """`where` is "single", "plain", "loss", "layer" or "full".

    That is: a network for each task; Keras' own `loss_weights`; a loss
    weighting; an aggregator behind the shared layers, and one of the gradients
    by all shared weights.
    """

    name: str
    where: str
    method: Any = None


def strategies(labels, steps):
    """All of them, for these labels and so many steps an epoch."""
    prior = {k: 1 / multitask.prior_loss(y, True) for k, y in labels.items()}
    weightings = {
        "initial": "initial",
        "dynamic": "dynamic",
        "geometric": "geometric",
        "power mean 2": multitask.GeneralizedMean(2.0),
        "uncertainty": "uncertainty",
        "dwa": multitask.DynamicWeightAverage(steps),
        "random": multitask.RandomWeights(seed=0),
        "famo": "famo",
    }
    return [
        Strategy("single task", "single"),
        Strategy("equal weights", "plain"),
        Strategy("prior", "plain", prior),
        *(Strategy(k, "loss", method) for k, method in weightings.items()),
        *(Strategy(k, "layer", method) for k, method in AGGREGATORS.items()),
        *(Strategy(f"{name}, exact", "full", name) for name in FULL),
    ]


class Entropy(keras.losses.SparseCategoricalCrossentropy):
    """The cross-entropy of logits, in a unit of one's own."""

    def __init__(self, factor=1.0):
        super().__init__(from_logits=True)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * super().call(y_true, y_pred)


def network(shape, classes, strategy):
    """The model of a strategy; `classes` are those of each of its tasks."""
    inputs = h = keras.Input(shape)
    if len(shape) == 3:
        h = keras.layers.Conv2D(16, 3, strides=2, activation="relu")(h)
        h = keras.layers.Flatten()(h)
    for _ in range(2):
        h = keras.layers.Dense(64, "relu")(h)
    copies = dict.fromkeys(classes, h)
    if strategy.where == "layer":
        meet = GradientAggregation(list(classes), strategy.method, name="meet")
        copies = meet(h)
    outputs = {
        task: keras.layers.Dense(classes[task], name=task)(
            keras.layers.Dense(32, "relu")(copy)
        )
        for task, copy in copies.items()
    }
    balanced = strategy.where in ("loss", "full")
    return (MultiTaskModel if balanced else keras.Model)(inputs, outputs)


def compiled(model, strategy, rate, factor):
    """The model, compiled; the first task's loss times `factor`."""
    options = {}
    if strategy.where in ("plain", "loss"):
        options["loss_weights"] = strategy.method
    elif strategy.where == "full":
        options["aggregator"] = strategy.method
    factors = [factor, *[1.0] * len(model.output)]
    losses = zip(model.output, map(Entropy, factors), strict=False)
    model.compile(
        keras.optimizers.Adam(rate),
        dict(losses),
        metrics=dict.fromkeys(model.output, "accuracy"),
        jit_compile=keras.config.backend() != "torch",
        **options,
    )
    model.optimizer.build(model.trainable_variables)
    return model


class Weights(keras.callbacks.Callback):
    """Keeps the weights of the tasks after each step, where there are any."""

    def __init__(self):
        super().__init__()
        self.found = []

    def on_train_batch_end(self, batch, logs=None):
        weights = getattr(self.model, "task_weights", None)
        if any(layer.name == "meet" for layer in self.model.layers):
            weights = self.model.get_layer("meet").task_weights
        if weights is not None:
            self.found.append(keras.ops.convert_to_numpy(weights).copy())


class Restart:
    """Puts a model back to before its training, from another seed.

    So it is compiled once for all seeds.
    """

    def __init__(self, model):
        self.model = model
        self.variables = [*model.variables, *model.optimizer.variables]
        self.start = [
            np.array(keras.ops.convert_to_numpy(v)) for v in self.variables
        ]

    def __call__(self, seed):
        for variable, value in zip(self.variables, self.start, strict=True):
            variable.assign(value)
        rng = np.random.default_rng(seed)
        for layer in self.model.layers:
            kernel = getattr(layer, "kernel", None)
            if kernel is not None:
                fan_in = int(np.prod(kernel.shape[:-1]))
                values = rng.normal(0, np.sqrt(2 / fan_in), kernel.shape)
                kernel.assign(values)


class Result(NamedTuple):
    """Accuracy by task, one a seed; seconds of a step; weights by step."""

    accuracy: dict
    seconds: float
    weights: list


def run(strategy, tasks, arguments):
    """Train and judge a strategy from each seed."""
    if strategy.where == "single":
        alone = Strategy(strategy.name, "plain")
        parts = [
            train(alone, only(tasks, task), arguments) for task in tasks.classes
        ]
        merged = {k: v for part in parts for k, v in part.accuracy.items()}
        return Result(merged, sum(part.seconds for part in parts), [])
    return train(strategy, tasks, arguments)


def only(tasks, task):
    """The data of one of the tasks."""
    (x, y), (x_test, y_test) = tasks.train, tasks.test
    return tasks._replace(
        train=(x, {task: y[task]}),
        test=(x_test, {task: y_test[task]}),
        classes={task: tasks.classes[task]},
    )


def train(strategy, tasks, arguments):
    x, y = tasks.train
    model = network(x.shape[1:], tasks.classes, strategy)
    compiled(model, strategy, arguments.rate, arguments.factor)
    restart = Restart(model)
    accuracy = {task: [] for task in tasks.classes}
    weights = []
    # What is left over would be compiled for its own size.
    count = len(x) // arguments.batch * arguments.batch
    for seed in range(arguments.seeds):
        restart(seed)
        keras.utils.set_random_seed(seed)
        notes = Weights()
        model.fit(
            x[:count],
            {task: values[:count] for task, values in y.items()},
            batch_size=arguments.batch,
            epochs=arguments.epochs,
            verbose=0,
            callbacks=[notes],
        )
        if notes.found:
            weights.append(np.array(notes.found))
        scores = model.predict(tasks.test[0], batch_size=500, verbose=0)
        for task, values in tasks.test[1].items():
            right = scores[task].argmax(axis=-1) == values
            accuracy[task].append(100 * right.mean())
    batch = (
        x[: arguments.batch],
        {k: v[: arguments.batch] for k, v in y.items()},
    )
    return Result(accuracy, step_seconds(model, *batch), weights)


def step_seconds(model, x, y, repeats=9):
    """The median of some steps."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        model.train_on_batch(x, y)
        times.append(time.perf_counter() - started)
    return float(np.median(times[1:]))
