"""What every optimizer of the library keeps to: a table of contracts.

Each contract takes a `Case`, one optimizer with its formula; an optimizer is
one row of the table in `tests/optimizers/test_contracts.py`.
"""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

SHAPES = ((3, 4), (5,))
STEPS = 20


def normal_weights(shapes, rng):
    return [rng.normal(size=shape) for shape in shapes]


@dataclasses.dataclass(frozen=True)
class Case:
    """An optimizer, and what it is to do.

    Args:
        name: Of the row.
        make: Returns the optimizer, with base arguments of Keras, such as
            `gradient_accumulation_steps`, where they belong.
        reference: From weights, gradients of each step, yields the weights
            after each step; literal and in float64.
        prepare: What is called with the optimizer and variables before
            training.
        neutral: Wraps an optimizer so that nothing changes; `None` without.
        weights: Starting weights of given shapes.
    """

    name: str
    make: Callable[..., Any]
    reference: Callable[..., Any]
    prepare: Callable[..., Any] = lambda optimizer, variables: None
    neutral: Callable[..., Any] | None = None
    weights: Callable[..., Any] = normal_weights


def follows_its_formula(case):
    """Five steps and twenty are those of the formula, on every backend."""
    weights, gradients = problem(case)
    run = Run(case, case.make(), weights)
    expected = case.reference(weights, gradients)
    for step, (gradient, wanted) in enumerate(
        zip(gradients, expected, strict=True)
    ):
        run.step(gradient)
        if step in (0, 4, STEPS - 1):
            assert_close(run.weights(), wanted, 1e-6 if step < 5 else 1e-5)


def follows_its_formula_uncompiled(case):
    """So does a loop of one's own that calls `apply` with variables."""
    weights, gradients = problem(case, steps=1)
    run = Run(case, case.make(), weights)
    run.optimizer.apply([tensor(g) for g in gradients[0]], run.variables)
    assert_close(run.weights(), next(case.reference(weights, gradients)))


def round_trips_its_config(case):
    """A configuration rebuilds an optimizer that takes the same steps."""
    weights, gradients = problem(case, steps=2)
    optimizer = case.make()
    config = keras.saving.serialize_keras_object(optimizer)
    again = keras.optimizers.get(json.loads(json.dumps(config)))
    assert keras.saving.serialize_keras_object(again) == config
    run = Run(case, again, weights)
    for gradient in gradients:
        run.step(gradient)
    assert_close(run.weights(), list(case.reference(weights, gradients))[-1])


def resumes_exactly(case, folder):
    """Saved after three steps and loaded, it ends where it would have."""
    x, y = data(24)
    model = small_model(case, case.make())
    fit(model, x[:12], y[:12])
    model.save(folder / "model.keras")
    fit(model, x[12:], y[12:])
    loaded = keras.saving.load_model(folder / "model.keras")
    fit(loaded, x[12:], y[12:])
    assert_close(loaded.get_weights(), model.get_weights(), 0)
    assert_close(
        [numpy(v) for v in loaded.optimizer.variables],
        [numpy(v) for v in model.optimizer.variables],
        0,
    )


def accumulates_like_a_larger_batch(case):
    """Four accumulated gradients are one step with their mean."""
    weights, gradients = problem(case, steps=8)
    whole = Run(case, case.make(), weights)
    parts = Run(case, case.make(gradient_accumulation_steps=4), weights)
    for start in (0, 4):
        micro = gradients[start : start + 4]
        whole.step([np.mean(g, axis=0) for g in zip(*micro, strict=True)])
        for gradient in micro:
            parts.step(gradient)
    assert_close(parts.weights(), whole.weights(), 1e-6)


def changes_nothing_when_neutral(case):
    """Keras' own features act inside the wrapper as they do alone."""
    if case.neutral is None:
        pytest.skip("has no inner optimizer")
    weights, gradients = problem(case, steps=4)
    for feature in FEATURES:
        ends = []
        for wrap in (lambda inner: inner, case.neutral):
            run = Run(case, wrap(featured(feature)), weights)
            for gradient in gradients:
                run.step(gradient)
            run.optimizer.finalize_variable_values(run.variables)
            ends.append(run.weights())
        assert_close(ends[1], ends[0], 1e-6, str(feature))


def skips_gradients_that_are_not_finite(case):
    """Under loss scaling a step with `inf` leaves all but the scale alone."""
    weights, gradients = problem(case, steps=2)
    gradients = [[g * 4.0 for g in step] for step in gradients]
    scaled = keras.optimizers.LossScaleOptimizer(case.make(), initial_scale=4.0)
    run = Run(case, scaled, weights)
    run.step(gradients[0])
    before = [numpy(v) for v in scaled.inner_optimizer.variables]
    weights_before = run.weights()
    run.step([np.full_like(g, np.inf) for g in gradients[0]])
    assert_close(run.weights(), weights_before, 0)
    after = [numpy(v) for v in scaled.inner_optimizer.variables]
    assert_close(after, before, 0)
    assert float(numpy(scaled.dynamic_scale)) == 2.0
    run.step([g / 2.0 for g in gradients[1]])
    unscaled = [[g / 4.0 for g in step] for step in gradients]
    assert_close(
        run.weights(), list(case.reference(weights, unscaled))[-1], 1e-6
    )


def fits_alike_in_every_mode(case):
    """Compiled or not, and with several steps in one execution."""
    x, y = data(16)
    ends = []
    modes = {
        "torch": [dict(jit_compile=False)],
        "jax": [dict(jit_compile=True), dict(steps_per_execution=2)],
        "tensorflow": [
            dict(jit_compile=True),
            dict(jit_compile=False, steps_per_execution=2),
        ],
    }
    for mode in modes[keras.config.backend()]:
        model = small_model(case, case.make(), **mode)
        before = model.get_weights()
        fit(model, x, y)
        ends.append(model.get_weights())
        assert any(
            (a != b).any() for a, b in zip(before, ends[-1], strict=True)
        )
    for end in ends:
        assert_close(end, ends[0], 1e-6)


def trains_in_half_precision(case):
    """Half-precision models train, with scaled loss where Keras scales it."""
    x, y = data(8)
    model = small_model(case, case.make(), dtype="mixed_float16")
    before = model.get_weights()
    fit(model, x, y)
    assert moved(before, model.get_weights())
    weights, gradients = problem(case, steps=2)
    run = Run(case, case.make(), weights, dtype="bfloat16")
    before = run.weights()
    for gradient in gradients:
        run.step(gradient)
    assert moved(before, run.weights())


def takes_sparse_gradients(case):
    """Row slices, with rows that repeat, are the dense gradient they stand for.

    Only the embeddings of TensorFlow have such gradients.
    """
    if keras.config.backend() != "tensorflow":
        pytest.skip("sparse gradients exist on TensorFlow alone")
    import tensorflow as tf

    rng = np.random.default_rng(3)
    weights = case.weights([(6, 2)], rng)
    rows = [np.array([1, 4, 1]), np.array([0, 1, 0])]
    values = [rng.normal(size=(3, 2)).astype("float32") for _ in rows]
    dense = [np.zeros((6, 2), "float32") for _ in rows]
    run = Run(case, case.make(), weights)
    for index, value, total in zip(rows, values, dense, strict=True):
        np.add.at(total, index, value)
        run.optimizer.apply(
            [tf.IndexedSlices(value, index, (6, 2))], run.variables
        )
    expected = list(case.reference(weights, [[g] for g in dense]))[-1]
    assert_close(run.weights(), expected, 1e-6)


CONTRACTS = (
    follows_its_formula,
    follows_its_formula_uncompiled,
    round_trips_its_config,
    accumulates_like_a_larger_batch,
    changes_nothing_when_neutral,
    skips_gradients_that_are_not_finite,
    fits_alike_in_every_mode,
    trains_in_half_precision,
    takes_sparse_gradients,
)

FEATURES = (
    dict(momentum=0.9, nesterov=True, clipnorm=0.5, weight_decay=0.1),
    dict(clipvalue=0.2, loss_scale_factor=8.0, use_ema=True, ema_momentum=0.5),
    dict(
        global_clipnorm=0.5,
        weight_decay=0.1,
        use_ema=True,
        ema_momentum=0.5,
        ema_overwrite_frequency=3,
    ),
    dict(
        learning_rate=keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5),
        gradient_accumulation_steps=2,
        clipnorm=0.5,
    ),
)


def featured(feature):
    optimizer = keras.optimizers.SGD(**dict(learning_rate=0.1) | feature)
    optimizer.exclude_from_weight_decay(var_names=["weight_0"])
    return optimizer


class Run:
    """Variables with an optimizer, stepped as `fit` steps them."""

    def __init__(self, case, optimizer, weights, dtype="float32"):
        self.variables = [
            keras.Variable(w, dtype=dtype, name=f"weight_{i}")
            for i, w in enumerate(weights)
        ]
        self.optimizer = optimizer
        case.prepare(unscaled(optimizer), self.variables)
        optimizer.build(self.variables)
        self.compiled = self.compile()

    def compile(self):
        backend = keras.config.backend()
        if backend == "jax":
            import jax

            return jax.jit(self.optimizer.stateless_apply)
        if backend == "tensorflow":
            import tensorflow as tf

            return tf.function(
                lambda grads: self.optimizer.apply(grads, self.variables)
            )
        return lambda grads: self.optimizer.apply(grads, self.variables)

    def step(self, gradients):
        dtype = self.variables[0].dtype
        gradients = [ops.cast(tensor(g), dtype) for g in gradients]
        if keras.config.backend() != "jax":
            self.compiled(gradients)
            return
        state = self.optimizer.variables
        new = self.compiled(
            [v.value for v in state],
            gradients,
            [v.value for v in self.variables],
        )
        for variable, value in zip(self.variables, new[0], strict=True):
            variable.assign(value)
        for variable, value in zip(state, new[1], strict=True):
            variable.assign(value)

    def weights(self):
        return [numpy(v) for v in self.variables]


def unscaled(optimizer):
    """What is inside a `LossScaleOptimizer`, or the optimizer itself."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer.inner_optimizer
    return optimizer


def problem(case, steps=STEPS):
    rng = np.random.default_rng(0)
    weights = case.weights(SHAPES, rng)
    scale = np.exp(rng.normal(size=steps))
    gradients = [
        [(s * rng.normal(size=shape)).astype("float32") for shape in SHAPES]
        for s in scale
    ]
    weights = [np.asarray(w, "float32") for w in weights]
    return weights, gradients


def data(size):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(size, 3)).astype("float32")
    return x, rng.normal(size=(size, 2)).astype("float32")


def small_model(case, optimizer, dtype=None, **arguments):
    layers = [
        keras.layers.Dense(4, activation="tanh", dtype=dtype, name="first"),
        keras.layers.Dense(2, dtype=dtype, name="second"),
    ]
    model = keras.Sequential([keras.Input((3,)), *layers])
    if dtype == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, 256.0)
    rng = np.random.default_rng(2)
    model.set_weights(case.weights([w.shape for w in model.get_weights()], rng))
    case.prepare(unscaled(optimizer), model.trainable_variables)
    model.compile(optimizer, "mse", **arguments)
    return model


def fit(model, x, y):
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0)


def moved(before, after):
    """Whether weights changed, and are finite."""
    after = [np.asarray(w, "float32") for w in after]
    assert all(np.isfinite(w).all() for w in after)
    return any(
        (np.asarray(a, "float32") != b).any()
        for a, b in zip(before, after, strict=True)
    )


def tensor(x):
    return ops.convert_to_tensor(np.asarray(x, "float32"))


def numpy(x):
    return ops.convert_to_numpy(x.value if hasattr(x, "value") else x)


def assert_close(found, expected, tolerance=1e-6, message=""):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(
            np.asarray(one, "float64"),
            np.asarray(other, "float64"),
            rtol=tolerance,
            atol=tolerance,
            err_msg=message,
        )
