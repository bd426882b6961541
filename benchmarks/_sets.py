"""ExponentiatedGradient against projected SGD on weights that keep to a set.

Least squares with inputs of mean 0 and variance 1, 200 of them, labels with
noise of deviation 0.02, one pass over 4,800 examples in batches of 16. The true
weights are not negative, or sum to 1; five of them are above 0, or all. What is
kept is the excess of the expected loss, `‖w − w*‖²`, at the end, from the best
of the rates for each optimizer. Both start from the same equal weights.
"""

import keras
import numpy as np
from keras import ops

from benchmarks._report import figure
from keras_tricks.optimizers import ExponentiatedGradient

INPUTS = 200
EXAMPLES = 4800
BATCH = 16
FEW = 5
NOISE = 0.02
RATES = [float(r) for r in 10.0 ** np.arange(-3.5, 1.6, 0.5)]
TITLE = "Excess loss of weights that keep to a set"


class OnSimplex(keras.constraints.Constraint):
    """The Euclidean projection of a column on the simplex."""

    def __call__(self, w):
        descending = -ops.sort(-ops.reshape(w, (-1,)))
        places = ops.arange(1, INPUTS + 1, dtype=w.dtype)
        shift = (1 - ops.cumsum(descending)) / places
        kept = ops.cast(descending + shift > 0, "int32")
        return ops.maximum(w + shift[ops.sum(kept) - 1], 0.0)


PROBLEMS = {
    "nonnegative": keras.constraints.NonNeg(),
    "simplex": OnSimplex(),
}


def truth(constraint, few, rng):
    """Weights with five or all entries above 0, which sum to 1."""
    w = rng.random(INPUTS) + 0.5 if few else np.exp(rng.normal(size=INPUTS))
    if few:
        w[rng.permutation(INPUTS)[FEW:]] = 0
    return w / w.sum()


def sets(arguments):
    """Rows of excess loss, of each problem and optimizer."""
    rows = []
    for constraint, projection in PROBLEMS.items():
        models = {
            "ExponentiatedGradient": linear(
                ExponentiatedGradient(
                    0.1,
                    constraint,
                    **{"axis": 0} if constraint == "simplex" else {},
                )
            ),
            "projected SGD": linear(keras.optimizers.SGD(0.1), projection),
        }
        for few in (True, False):
            kind = f"{FEW} of {INPUTS}" if few else "all"
            for name, model in models.items():
                by_seed, rate = best(model, constraint, few, arguments)
                rows += [
                    figure(
                        TITLE,
                        f"{constraint}, {kind} above 0",
                        name,
                        value,
                        seed=seed,
                        rate=rate,
                        steps=EXAMPLES // BATCH,
                    )
                    for seed, value in enumerate(by_seed)
                ]
    return rows


def linear(optimizer, projection=None):
    dense = keras.layers.Dense(
        1,
        use_bias=False,
        kernel_initializer=keras.initializers.Constant(1 / INPUTS),
        kernel_constraint=projection,
    )
    model = keras.Sequential([keras.Input((INPUTS,)), dense])
    model.compile(
        optimizer, "mse", jit_compile=keras.config.backend() != "torch"
    )
    return model


def best(model, constraint, few, arguments):
    """The excess of each seed at the rate whose mean is least, and the rate."""
    found = {
        rate: [
            excess(model, rate, *problem(constraint, few, seed))
            for seed in range(arguments.seeds)
        ]
        for rate in (RATES[2::3] if arguments.quick else RATES)
    }
    rate = min(found, key=lambda r: np.nan_to_num(np.mean(found[r]), nan=1e9))
    return found[rate], rate


def problem(constraint, few, seed):
    rng = np.random.default_rng(seed)
    w = truth(constraint, few, rng)
    x = rng.normal(size=(EXAMPLES, INPUTS))
    y = x @ w + NOISE * rng.normal(size=EXAMPLES)
    return x.astype("float32"), y[:, None].astype("float32"), w


def excess(model, rate, x, y, w):
    model.set_weights([np.full((INPUTS, 1), 1 / INPUTS, "float32")])
    model.optimizer.learning_rate = rate
    model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)
    found = model.get_weights()[0][:, 0].astype("float64")
    return float(((found - w) ** 2).sum())
