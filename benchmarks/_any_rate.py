"""Accuracy on digits from any learning rate, of optimizers and their peers.

The network has 64 rectified units; 1,400 images are trained on, 397 held out. A
seed draws the weights at the start and the order of the images. A model is
compiled once and set back for each rate and seed.
"""

import statistics

import keras
import numpy as np

from benchmarks._report import figure
from keras_tricks.optimizers import MetaStepSize

RATES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
INNER = {"SGD": keras.optimizers.SGD, "Adam": keras.optimizers.Adam}
WRAPPERS = {
    "plain": lambda inner: inner,
    "MetaStepSize": MetaStepSize,
    "MetaStepSize, no gains": lambda inner: MetaStepSize(
        inner, gain_learning_rate=0.0
    ),
}
# Of these the column is where their estimate of the rate starts.
ESTIMATES = ("prodigy", "dadapt_adamw")
BATCH = 64
TITLE = "Digits from each learning rate, {}: accuracy"
WORST = "Digits, the worst of seven learning rates: accuracy"


def digits():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = (x[order] / 16).astype("float32"), y[order]
    return (x[:1400], y[:1400]), (x[1400:], y[1400:])


def weights_of(seed):
    """Glorot's weights, the same on every backend."""
    rng = np.random.default_rng(seed)
    weights = []
    for rows, columns in ((64, 64), (64, 10)):
        limit = np.sqrt(6 / (rows + columns))
        kernel = rng.uniform(-limit, limit, (rows, columns))
        weights += [kernel.astype("float32"), np.zeros(columns, "float32")]
    return weights


def rates(arguments):
    """Rows of accuracy by rate, and of each optimizer's worst."""
    data, rows = digits(), []
    for name, cls in INNER.items():
        found = {}
        for column, wrap in WRAPPERS.items():
            found[column] = keras_accuracies(wrap(cls(0.1)), data, arguments)
        found |= peers(name, data, arguments)
        rows += laid_out(name, found, arguments)
    return rows


def keras_accuracies(optimizer, data, arguments):
    """Accuracy in points, by rate and seed."""
    (x, y), held = data
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
    optimizer.build(model.trainable_variables)
    start = [keras.ops.convert_to_numpy(v) for v in optimizer.variables]
    found = {}
    for seed in range(arguments.seeds):
        for rate in RATES:
            for v, value in zip(optimizer.variables, start, strict=True):
                v.assign(value)
            optimizer.learning_rate = rate
            model.set_weights(weights_of(seed))
            keras.utils.set_random_seed(seed)
            model.fit(
                x, y, batch_size=BATCH, epochs=arguments.epochs, verbose=0
            )
            scores = model.predict(held[0], batch_size=397, verbose=0)
            right = (scores.argmax(-1) == held[1]).mean()
            found[rate, seed] = 100 * float(right)
    return found


def peers(name, data, arguments):
    """The rules of optax that choose their rate, on JAX if it is there."""
    if keras.config.backend() != "jax":
        return {}
    try:
        import optax
    except ImportError:
        return {"optax": "optax is not installed"}
    inner = getattr(optax, name.lower())
    make = {
        "optax mechanize": lambda rate: optax.contrib.mechanize(inner(rate))
    }
    if name == "Adam":
        for rule in ESTIMATES:
            cls = getattr(optax.contrib, rule)
            make[f"optax {rule}"] = lambda r, cls=cls: cls(estim_lr0=r)
    return {
        column: optax_accuracies(rule, data, arguments)
        for column, rule in make.items()
    }


def optax_accuracies(make, data, arguments):
    """As `keras_accuracies`, all rates and seeds in one compiled loop."""
    import jax
    import jax.numpy as jnp
    import optax

    (x, y), (x_held, y_held) = data

    def scores(weights, x):
        a, b, c, d = weights
        return jax.nn.relu(x @ a + b) @ c + d

    def loss(weights, x, y):
        losses = optax.softmax_cross_entropy_with_integer_labels
        return losses(scores(weights, x), y).mean()

    def accuracy(rate, weights, batches):
        rule = make(rate)

        def step(carry, chosen):
            weights, state = carry
            gradient = jax.grad(loss)(weights, x[chosen], y[chosen])
            update, state = rule.update(gradient, state, weights)
            return (optax.apply_updates(weights, update), state), None

        carry = weights, rule.init(weights)
        (weights, _), _ = jax.lax.scan(step, carry, batches)
        return (scores(weights, x_held).argmax(-1) == y_held).mean()

    x, y = jnp.asarray(x), jnp.asarray(y)
    every_rate = jax.jit(jax.vmap(accuracy, (0, None, None)))
    found = {}
    for seed in range(arguments.seeds):
        rng = np.random.default_rng(seed)
        # The last, smaller batch is left out: the shapes are to be the same.
        batches = [
            rng.permutation(len(x))[: len(x) // BATCH * BATCH].reshape(
                -1, BATCH
            )
            for _ in range(arguments.epochs)
        ]
        weights = [jnp.asarray(w) for w in weights_of(seed)]
        values = every_rate(
            jnp.array(RATES), weights, jnp.asarray(np.concatenate(batches))
        )
        for rate, value in zip(RATES, np.asarray(values), strict=True):
            found[rate, seed] = 100 * float(value)
    return found


def laid_out(name, found, arguments):
    """A row for each rate, a column for each optimizer; then the worst."""
    title, rows = TITLE.format(name), []
    settings = dict(epochs=arguments.epochs, batch=BATCH)
    for column, by_rate in found.items():
        if isinstance(by_rate, str):
            rows.append(figure(title, RATES[0], column, None, note=by_rate))
            continue
        for (rate, seed), value in by_rate.items():
            rows.append(
                figure(
                    title,
                    f"{rate:g}",
                    column,
                    value,
                    "points",
                    seed=seed,
                    x=rate,
                    curve=column,
                    **settings,
                )
            )
        means = [
            statistics.fmean(
                by_rate[rate, seed] for seed in range(arguments.seeds)
            )
            for rate in RATES
        ]
        row = f"{name}: {column}"
        for which, of in (("worst rate", min), ("best rate", max)):
            rows.append(
                figure(WORST, row, which, of(means), "points", **settings)
            )
    return rows
