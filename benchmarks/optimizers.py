"""Step time, memory and robustness of the optimizers.

    python -m benchmarks.optimizers [--backends jax torch tensorflow]

Three tables, each backend in a process of its own:

- time of a whole training step of a dense network of about five million
  weights, over that of the bare inner Adam; variants take turns and the median
  of their ratios within a turn is kept. JAX and TensorFlow run compiled;
- numbers stored per weight, beyond those of Adam;
- accuracy on scikit-learn's digits from learning rates 1e-6 to 1, of SGD and
  Adam as they are and inside `MetaStepSize`, and, on JAX where optax is
  installed, of `optax.contrib`'s mechanize, prodigy and dadapt.
"""

import argparse
import functools
import os
import statistics
import subprocess
import sys
import time

RATES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
BATCHES = 6  # Steps of one turn.


def variants():
    import keras

    from keras_tricks.optimizers import ChildTuning
    from keras_tricks.optimizers import ExponentiatedGradient
    from keras_tricks.optimizers import MetaStepSize

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
        "ExponentiatedGradient signed": lambda: ExponentiatedGradient(
            1e-3, "signed"
        ),
    }


def network(optimizer, sizes):
    import keras
    import numpy as np

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
        metrics=["accuracy"] if sizes[0] == 64 else None,
        jit_compile=keras.config.backend() != "torch",
    )
    return model


def stored(model):
    return sum(
        v.value.numel()
        if hasattr(v.value, "numel")
        else int(functools.reduce(int.__mul__, tuple(v.shape), 1))
        for v in model.optimizer.variables
    )


def cost(batch, turns):
    """Rows of step time and stored numbers, beside those of Adam."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.random((BATCHES * batch, 784)).astype("float32")
    y = rng.integers(0, 10, BATCHES * batch)
    models = {
        name: network(make(), (784, 1500, 1500, 1000))
        for name, make in variants().items()
    }
    seconds = {name: [] for name in models}
    for turn in range(turns + 2):
        for name, model in models.items():
            start = time.process_time(), time.perf_counter()
            model.fit(x, y, batch_size=batch, shuffle=False, verbose=0)
            end = time.process_time(), time.perf_counter()
            if turn > 1:  # The first compiles, the second warms up.
                seconds[name].append(
                    [(b - a) / BATCHES for a, b in zip(start, end, strict=True)]
                )
    weights = models["Adam"].count_params()
    bare = seconds["Adam"]
    for name, model in models.items():
        ratios = [
            [s / b for s, b in zip(*pair, strict=True)]
            for pair in zip(seconds[name], bare, strict=True)
        ]
        cpu, wall = (statistics.median(c) for c in zip(*ratios, strict=True))
        extra = stored(model) - stored(models["Adam"])
        yield {
            "what": "cost",
            "variant": name,
            "batch": batch,
            "weights": weights,
            "milliseconds": 1e3
            * statistics.median(s[1] for s in seconds[name]),
            "cpu_ratio": round(cpu, 2),
            "wall_ratio": round(wall, 2),
            "stored_per_weight": round(extra / weights, 3),
        }


def digits():
    import numpy as np
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = (x[order] / 16).astype("float32"), y[order]
    return (x[:1400], y[:1400]), (x[1400:], y[1400:])


def robustness(epochs):
    """Rows of accuracy by optimizer and starting rate."""
    import keras

    from keras_tricks.optimizers import MetaStepSize

    (x, y), held = digits()
    inner = {"SGD": keras.optimizers.SGD, "Adam": keras.optimizers.Adam}
    for name, cls in inner.items():
        for label, wrap in (
            (name, lambda o: o),
            (f"MetaStepSize({name})", MetaStepSize),
            (
                f"MetaStepSize({name}), no gains",
                lambda o: MetaStepSize(o, gain_learning_rate=0.0),
            ),
        ):
            for rate in RATES:
                model = network(wrap(cls(rate)), (64, 64))
                model.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
                accuracy = model.evaluate(*held, batch_size=397, verbose=0)[1]
                yield row(label, rate, accuracy, epochs)
    if keras.config.backend() == "jax":
        yield from others(epochs)


def row(label, rate, accuracy, epochs):
    return {
        "what": "digits",
        "variant": label,
        "rate": rate,
        "accuracy": None if accuracy is None else round(float(accuracy), 4),
        "epochs": epochs,
    }


def others(epochs):
    """The rules of optax that choose their rate, on the same network."""
    names = ("mechanize", "prodigy", "dadapt_adamw")
    try:
        import optax
    except ImportError:
        for name in names:
            yield row(
                f"optax {name}: not run, not installed", 1.0, None, epochs
            )
        return
    for name in names:
        make = getattr(optax.contrib, name)
        if name == "mechanize":
            # The one that has a rate to start from.
            for rate in RATES:
                accuracy = optax_accuracy(make(optax.adam(rate)), epochs)
                yield row("optax mechanize(adam)", rate, accuracy, epochs)
        else:
            accuracy = optax_accuracy(make(), epochs)
            yield row(f"optax {name}", 1.0, accuracy, epochs)


def optax_accuracy(rule, epochs):
    import jax
    import numpy as np
    import optax

    (x, y), (x_held, y_held) = digits()
    model = network("sgd", (64, 64))
    weights = [np.array(v) for v in model.trainable_variables]

    def scores(weights, x):
        return model.stateless_call(weights, [], x)[0]

    def loss(weights, x, y):
        losses = optax.softmax_cross_entropy_with_integer_labels
        return losses(scores(weights, x), y).mean()

    @jax.jit
    def step(weights, state, x, y):
        gradient = jax.grad(loss)(weights, x, y)
        update, state = rule.update(gradient, state, weights)
        return optax.apply_updates(weights, update), state

    state = rule.init(weights)
    rng = np.random.default_rng(0)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), 64):
            chosen = order[start : start + 64]
            weights, state = step(weights, state, x[chosen], y[chosen])
    return (np.argmax(scores(weights, x_held), -1) == y_held).mean()


def show(rows):
    from benchmarks._report import print_table

    costs = [r for r in rows if r["what"] == "cost"]
    if costs:
        print_table(
            ["training step", "ms", "CPU ratio", "wall ratio", "stored/weight"],
            [
                [
                    r["variant"],
                    f"{r['milliseconds']:.0f}",
                    r["cpu_ratio"],
                    r["wall_ratio"],
                    r["stored_per_weight"],
                ]
                for r in costs
            ],
        )
        print()
    accuracies = {}
    for r in rows:
        if r["what"] == "digits":
            accuracies.setdefault(r["variant"], {})[r["rate"]] = r["accuracy"]
    if accuracies:
        print_table(
            ["digits, accuracy from rate", *(f"{r:g}" for r in RATES)],
            [
                [name, *(at.get(r) or "-" for r in RATES)]
                for name, at in accuracies.items()
            ],
        )


def measure(arguments):
    rows = []
    if "cost" in arguments.tables:
        rows += cost(arguments.batch, arguments.turns)
    if "digits" in arguments.tables:
        rows += robustness(arguments.epochs)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--backends", nargs="+", default=["jax", "torch", "tensorflow"]
    )
    parser.add_argument("--tables", nargs="+", default=["cost", "digits"])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        rows = measure(arguments)
        show(rows)
        from benchmarks._report import keep

        print(f"kept in {keep('optimizers', rows)}")
        return
    for backend in arguments.backends:
        print(f"\n{backend}", flush=True)
        command = [sys.executable, "-m", "benchmarks.optimizers", "--one"]
        subprocess.run(
            [*command, *sys.argv[1:]],
            env={**os.environ, "KERAS_BACKEND": backend},
            check=True,
        )


if __name__ == "__main__":
    main()
