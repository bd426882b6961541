"""Step time, memory and robustness of the optimizers.

    python -m benchmarks.optimizers [--tables cost rates sets]

- `cost`: time of a whole training step of a dense network of about five million
  weights, over that of the bare inner Adam; variants take turns, and the median
  of their ratios within a turn is kept. JAX and TensorFlow run compiled. Beside
  it the numbers stored per weight, beyond those of Adam;
- `rates`: accuracy on scikit-learn's digits from learning rates 1e-6 to 1, of
  SGD and Adam as they are and inside `MetaStepSize`, and of `optax.contrib`'s
  mechanize, prodigy and D-Adaptation;
- `sets`: `ExponentiatedGradient` against projected SGD where weights are not
  negative, or shares.

The last two run on JAX alone unless they are asked for. `KERAS_BACKEND` chooses
the backend.
"""

import argparse
import functools
import statistics
import time

import keras
import numpy as np

from benchmarks._any_rate import rates
from benchmarks._report import figure
from benchmarks._report import keep
from benchmarks._sets import sets
from benchmarks._tables import show
from keras_tricks.optimizers import ChildTuning
from keras_tricks.optimizers import ExponentiatedGradient
from keras_tricks.optimizers import MetaStepSize

SIZES = (784, 1500, 1500, 1000)
BATCHES = 6  # Steps of one turn.


def variants():
    adam = functools.partial(keras.optimizers.Adam, 1e-3)

    def child(mode, apply_to):
        return lambda: ChildTuning(adam(), 0.3, mode, apply_to, seed=0)

    return {
        "Adam": adam,
        "ChildTuning F, gradient": child("task_free", "gradient"),
        "ChildTuning F, update": child("task_free", "update"),
        "ChildTuning D, gradient": child("task_driven", "gradient"),
        "ChildTuning D, update": child("task_driven", "update"),
        "MetaStepSize": lambda: MetaStepSize(adam()),
        "MetaStepSize, no gains": lambda: MetaStepSize(
            adam(), gain_learning_rate=0.0
        ),
        "ExponentiatedGradient, signed": lambda: ExponentiatedGradient(
            1e-3, "signed"
        ),
    }


def network(optimizer, sizes):
    """A dense network, compiled, with a child chosen if there is to be one."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(n, activation="relu") for n in sizes[1:]]
    model = keras.Sequential(
        [keras.Input((sizes[0],)), *layers, keras.layers.Dense(10)]
    )
    if getattr(optimizer, "mode", None) == "task_driven":
        variables = model.trainable_variables
        rng = np.random.default_rng(0)
        information = [rng.random(tuple(v.shape)) for v in variables]
        optimizer.choose_child(variables, information)
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=keras.config.backend() != "torch",
    )
    return model


def stored(model):
    return sum(int(np.prod(v.shape)) for v in model.optimizer.variables)


def timed(models, arguments):
    """Of each model the seconds of a step, in each turn."""
    rng = np.random.default_rng(0)
    x = rng.random((BATCHES * arguments.batch, SIZES[0])).astype("float32")
    y = rng.integers(0, 10, len(x))
    seconds = {name: [] for name in models}
    for turn in range(arguments.turns + 2):
        for name, model in models.items():
            start = time.perf_counter()
            model.fit(
                x, y, batch_size=arguments.batch, shuffle=False, verbose=0
            )
            if turn > 1:  # The first compiles, the second warms up.
                step = (time.perf_counter() - start) / BATCHES
                seconds[name].append(step)
    return seconds


def cost(arguments):
    """Rows of step time and stored numbers, beside those of Adam."""
    sizes = (*SIZES[:1], *(n // 10 for n in SIZES[1:]))
    sizes = sizes if arguments.quick else SIZES
    models = {name: network(make(), sizes) for name, make in variants().items()}
    weights = models["Adam"].count_params()
    title = f"A training step of {weights / 1e6:.1f} million weights"
    seconds = timed(models, arguments)
    rows = []
    for name, model in models.items():
        ratios = [
            a / b for a, b in zip(seconds[name], seconds["Adam"], strict=True)
        ]
        over = name != "Adam"
        rows.append(
            figure(
                title,
                name,
                "time",
                1e3 * statistics.median(seconds[name]),
                "ms",
                peer="Adam" if over else None,
                ratio=statistics.median(ratios) if over else None,
                batch=arguments.batch,
                turns=arguments.turns,
            )
        )
        extra = (stored(model) - stored(models["Adam"])) / weights
        rows.append(
            figure(
                title, name, "stored per weight, beyond Adam", round(extra, 2)
            )
        )
    return rows


TABLES = {"cost": cost, "rates": rates, "sets": sets}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--tables", nargs="+", choices=TABLES)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.turns, arguments.seeds, arguments.epochs = 2, 1, 4
    on_jax = keras.config.backend() == "jax"
    names = arguments.tables or (list(TABLES) if on_jax else ["cost"])
    for name in names:
        rows = TABLES[name](arguments)
        keep("optimizers", rows)
        show(rows)


if __name__ == "__main__":
    main()
