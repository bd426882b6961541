"""Every optimizer, every contract."""

import keras
import numpy as np
import pytest

from keras_tricks.optimizers import ChildTuning
from keras_tricks.optimizers import ExponentiatedGradient
from keras_tricks.optimizers import MetaStepSize
from tests.checks import optimizers as checks
from tests.checks.optimizers import Case
from tests.optimizers import references


def information(variables):
    """Fisher information to choose from: others at each call's shapes."""
    rng = np.random.default_rng(5)
    return [rng.random(tuple(v.shape)) for v in variables]


def choose_child(optimizer, variables):
    if isinstance(optimizer, ChildTuning) and optimizer.mode == "task_driven":
        optimizer.choose_child(variables, information(variables))


def child_masks(weights, fraction):
    """The top `fraction` of all entries, by sorting."""
    scores = [np.float32(s) for s in information(weights)]
    every = np.sort(np.concatenate([s.ravel() for s in scores]))[::-1]
    last = every[round(fraction * len(every)) - 1]
    return [s >= last for s in scores]


def task_free(apply_to, inner, rule):
    def reference(weights, gradients):
        return references.train(
            rule,
            weights,
            gradients,
            **{f"on_{apply_to}": references.drawn(0.4, seed=3)},
        )

    return Case(
        f"task_free_{apply_to}",
        lambda **base: ChildTuning(
            inner(**base), 0.4, apply_to=apply_to, seed=3
        ),
        reference,
        neutral=lambda optimizer: ChildTuning(
            optimizer, 1.0, apply_to=apply_to
        ),
    )


def task_driven(apply_to, inner, rule):
    def reference(weights, gradients):
        masked = references.fixed(child_masks(weights, 0.4))
        return references.train(
            rule, weights, gradients, **{f"on_{apply_to}": masked}
        )

    def make(reserve_p):
        # 0.999 of a few weights are all of them: neutral, and yet masked.
        return lambda **base: ChildTuning(
            inner(**base), reserve_p, mode="task_driven", apply_to=apply_to
        )

    return Case(
        f"task_driven_{apply_to}",
        make(0.4),
        reference,
        prepare=choose_child,
        neutral=lambda optimizer: ChildTuning(
            optimizer, 0.999, mode="task_driven", apply_to=apply_to
        ),
    )


def sgd(**base):
    return keras.optimizers.SGD(0.1, **base)


def adam(**base):
    # 1 − 0.999 has four digits in float32, and in bfloat16 none.
    return keras.optimizers.Adam(0.1, beta_2=0.9, epsilon=1e-3, **base)


def on_the_simplex(shapes, rng):
    weights = [rng.random(shape) + 0.1 for shape in shapes]
    return [w / w.sum(-1, keepdims=True) for w in weights]


def exponentiated(constraint, **arguments):
    return Case(
        f"exponentiated_{constraint}",
        lambda **base: ExponentiatedGradient(0.1, constraint, **base),
        references.exponentiated_gradient(constraint, 0.1),
        **arguments,
    )


def neutral_meta(inner, **arguments):
    """Gains and scale are there, and stay 1."""
    return MetaStepSize(
        inner,
        initial_scale=1.0,
        scale_range=(1.0, 1.0),
        gain_range=(1.0, 1.0),
        **arguments,
    )


def meta(name, inner, rule, **arguments):
    return Case(
        name,
        lambda **base: MetaStepSize(
            inner(**base), initial_scale=0.1, **arguments
        ),
        references.meta_step_size(rule, scale=0.1, **arguments),
        neutral=lambda optimizer: neutral_meta(optimizer, **arguments),
    )


ADAM = references.adam(0.1, beta_2=0.9, epsilon=1e-3)


CASES = (
    task_free("gradient", sgd, references.sgd(0.1)),
    task_free("update", adam, ADAM),
    task_driven("gradient", adam, ADAM),
    task_driven("update", adam, ADAM),
    exponentiated("simplex", weights=on_the_simplex),
    exponentiated("signed"),
    meta("meta_gains", adam, ADAM, gain_learning_rate=0.1),
    meta("meta_scale", sgd, references.sgd(0.1), gain_learning_rate=0.0),
)

table = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@table
@pytest.mark.parametrize(
    "contract", checks.CONTRACTS, ids=lambda contract: contract.__name__
)
def test_keeps_the_contract(contract, case):
    contract(case)


@table
def test_resumes_exactly(case, tmp_path):
    checks.resumes_exactly(case, tmp_path)
