"""Train without knowing the learning rate, and within a set of weights.

    python examples/step_size.py

The same small network learns scikit-learn's digits from learning rates between
1e-6 and 10, by SGD and Adam as they are and inside `MetaStepSize`; a picture
shows the final accuracy against the rate at the start. Then
`ExponentiatedGradient` solves two problems whose weights live in a set: least
squares without negative weights, and a portfolio, whose shares sum to 1.
"""

import argparse
from pathlib import Path

import keras
import matplotlib
import numpy as np
from sklearn.datasets import load_digits

from keras_tricks.callbacks import LogAttribute
from keras_tricks.optimizers import ExponentiatedGradient
from keras_tricks.optimizers import MetaStepSize

matplotlib.use("Agg")
import matplotlib.pyplot as plt

INNER = {"SGD": keras.optimizers.SGD, "Adam": keras.optimizers.Adam}
BATCH = 100


def digits():
    """Images and classes, 1,400 to train on and the rest to test."""
    images, classes = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    images, classes = images[order].astype("float32") / 16, classes[order]
    return (images[:1400], classes[:1400]), (images[1400:], classes[1400:])


def train(optimizer, data, epochs):
    """Final accuracy and, of a `MetaStepSize`, the rate after each epoch."""
    train_set, test_set = data
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=keras.config.backend() != "torch",
    )
    callbacks = []
    if isinstance(optimizer, MetaStepSize):
        path = "optimizer.effective_learning_rate"
        callbacks.append(LogAttribute(path, name="rate"))
    history = model.fit(
        *train_set,
        batch_size=BATCH,
        epochs=epochs,
        verbose=0,
        callbacks=callbacks,
    ).history
    images, classes = test_set
    found = model.predict(images, batch_size=len(images), verbose=0)
    accuracy = np.mean(found.argmax(axis=1) == classes)
    return accuracy, history.get("rate")


def sweep(rates, epochs):
    """Accuracy by optimizer and starting rate."""
    data = digits()
    curves = {}
    for name, cls in INNER.items():
        print(f"{name:8} {'plain':>8} {'wrapped':>8} {'rate at the end':>16}")
        plain, wrapped = [], []
        for rate in rates:
            plain.append(train(cls(rate), data, epochs)[0])
            accuracy, learnt = train(MetaStepSize(cls(rate)), data, epochs)
            wrapped.append(accuracy)
            print(
                f"{rate:<8.0e} {plain[-1]:8.3f} {accuracy:8.3f} "
                f"{learnt[-1]:16.2e}",
                flush=True,
            )
        curves[name] = plain
        curves[f"MetaStepSize({name})"] = wrapped
    return curves


def draw(rates, curves, path):
    figure, axes = plt.subplots(figsize=(7, 4))
    for (name, accuracies), style in zip(
        curves.items(), ("C0o--", "C0o-", "C1s--", "C1s-"), strict=True
    ):
        axes.semilogx(rates, accuracies, style, label=name)
    axes.set_xlabel("learning rate at the start")
    axes.set_ylabel("final accuracy on held-out digits")
    axes.set_ylim(0, 1)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def minimise(objective, start, optimizer, steps):
    """The weights of a linear layer after full-batch steps."""
    dense = keras.layers.Dense(
        1, use_bias=False, kernel_initializer="zeros", name="weights"
    )
    x, y = objective["x"], objective["y"]
    model = keras.Sequential([keras.Input((x.shape[1],)), dense])
    dense.set_weights([start[:, None]])
    model.compile(optimizer, objective["loss"])
    model.fit(x, y, batch_size=len(x), epochs=steps, verbose=0)
    return dense.get_weights()[0][:, 0]


def nonnegative_least_squares(steps):
    """Recover weights ≥ 0, half of them 0, from noisy sums."""
    rng = np.random.default_rng(0)
    truth = np.where(np.arange(12) % 2, rng.random(12), 0.0)
    x = rng.normal(size=(60, 12)).astype("float32")
    y = (x @ truth + 0.05 * rng.normal(size=60)).astype("float32")[:, None]
    found = minimise(
        dict(x=x, y=y, loss="mse"),
        np.full(12, 0.5, "float32"),
        ExponentiatedGradient(0.5),
        steps,
    )
    least = np.linalg.lstsq(x, y[:, 0], rcond=None)[0]
    print("\nLeast squares without negative weights")
    print("  true weights         ", np.round(truth, 2))
    print("  ExponentiatedGradient", np.round(found, 2))
    print("  unconstrained        ", np.round(least, 2))


def portfolio(steps):
    """Shares that sum to 1, of the least variance."""
    rng = np.random.default_rng(1)
    days, assets = 500, 8
    market = rng.normal(0, 1, size=(days, 1))
    exposure = np.linspace(0.2, 1.6, assets)
    returns = 0.05 + 0.5 * exposure * market
    returns = returns + 0.4 * rng.normal(size=(days, assets))
    centred = (returns - returns.mean(0)).astype("float32")
    shares = minimise(
        dict(x=centred, y=np.zeros((days, 1), "float32"), loss="mse"),
        np.full(assets, 1 / assets, "float32"),
        # One column: the shares lie along axis 0.
        ExponentiatedGradient(2.0, constraint="simplex", axis=0),
        steps,
    )
    equal = returns.mean(1)
    chosen = returns @ shares
    print("\nA portfolio of 8 assets")
    print("  shares", np.round(shares, 3), f"sum {shares.sum():.6f}")
    print(f"  daily return {chosen.mean():.3f} ± {chosen.std():.3f}")
    print(f"  equal shares {equal.mean():.3f} ± {equal.std():.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument(
        "--output", type=Path, default=Path("outputs/step_size")
    )
    parser.add_argument(
        "--rates",
        type=float,
        nargs="+",
        default=[10.0**e for e in range(-6, 2)],
    )
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    curves = sweep(arguments.rates, arguments.epochs)
    path = arguments.output / "accuracy_by_rate.png"
    draw(arguments.rates, curves, path)
    print(f"Drawn in {path}")
    nonnegative_least_squares(arguments.steps)
    portfolio(arguments.steps)


if __name__ == "__main__":
    main()
