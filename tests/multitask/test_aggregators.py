"""Every aggregator: its formula, and what all of them keep to."""

import keras
import numpy as np
import pytest

from keras_tricks import multitask
from tests.checks.aggregators import KINDS
from tests.checks.aggregators import aggregate
from tests.checks.aggregators import gradients
from tests.checks.aggregators import nearest_with_gain
from tests.checks.aggregators import nearest_without_conflict
from tests.checks.aggregators import shortest
from tests.checks.aggregators import unit
from tests.checks.aggregators import weights_of
from tests.checks.configs import check_config
from tests.checks.gradients import value_and_gradient

EPSILON = np.finfo("float32").eps


def geometric(n):
    return np.exp(np.log(n).mean())


def normalized_sum(g):
    unit_g, n = unit(g)
    return geometric(n) * unit_g.sum(axis=0)


def frank_wolfe(g):
    w = np.full(len(g), 1 / len(g))
    for _ in range(3):
        u = w @ g
        worst = g[(g @ u).argmin()]
        gap = u - worst
        gamma = np.clip(u @ gap / max(gap @ gap, 1e-300), 0, 1)
        w = (1 - gamma) * w + gamma * (np.arange(len(g)) == (g @ u).argmin())
    return w @ g


def pcgrad(g):
    total = 0
    for i in range(len(g)):
        p = g[i].copy()
        for j in [*range(i + 1, len(g)), *range(i)]:
            p -= min(p @ g[j], 0) / (g[j] @ g[j]) * g[j]
        total = total + p
    return total


def cagrad(g, c=0.5):
    """Bisection on the least gain that the ball around the mean allows."""
    mean = g.mean(axis=0)
    length = np.linalg.norm(mean)
    unit_g, n = unit(g)
    if length < 1e-9 * n.max():
        return 0 * mean
    x, a = mean / length, n.min() / n
    low, high = ((unit_g @ x) / a).min(), ((1 + c) / a).min()
    best, neutral = x, nearest_without_conflict(x, g)
    if np.linalg.norm(neutral - x) <= c:
        low, best = 0, neutral
    for _ in range(45):
        t = (low + high) / 2
        d = nearest_with_gain(x, unit_g, t * a)
        if d is not None and np.linalg.norm(d - x) <= c:
            low, best = t, d
        else:
            high = t
    return length * best


def nash(g):
    """Newton on ½ yᵀCy − Σ log y, with the ridge of the docstring."""
    unit_g, n = unit(g)
    eye = np.eye(len(g))
    C, y = unit_g @ unit_g.T + 1e-6 * eye, np.ones(len(g))
    for _ in range(200):
        slope = y * (C @ y) - 1
        move = -np.linalg.solve(y[:, None] * C * y + eye, slope)
        y = y * (1 + move / (1 + np.sqrt(max(-move @ slope, 0))))
    return geometric(n) * (y @ unit_g)


def imtlg(g):
    unit_g, n = unit(g)
    cut = len(g) * EPSILON
    w = np.linalg.pinv(unit_g @ unit_g.T, cut, hermitian=True).sum(axis=1) / n
    if abs(w.sum()) <= 1e-6 * (1 / n).sum():
        w = 1 / n
    return w / w.sum() @ g


def aligned_mtl(g):
    values, V = np.linalg.eigh(g @ g.T)
    kept = values > values.max() * len(g) * EPSILON
    values, V = values[kept], V[:, kept]
    b = np.full(len(g), 1 / len(g))
    return (np.sqrt(values.min()) * V / np.sqrt(values) @ V.T @ b) @ g


def upgrad(g):
    return np.mean([nearest_without_conflict(x, g) for x in g], axis=0)


def largest(n, u):
    return n.max()


def smallest(n, u):
    return n.min()


# Each with its formula and with what an error of the aggregate is relative to.
PARTS = {
    "aligned_mtl": (aligned_mtl, largest),
    "cagrad": (cagrad, largest),
    "imtlg": (imtlg, lambda n, u: max(np.linalg.norm(u), n.min())),
    "mean": (lambda g: g.mean(axis=0), largest),
    "mgda": (shortest, smallest),
    "nash_mtl": (nash, lambda n, u: geometric(n)),
    "normalized_sum": (normalized_sum, lambda n, u: geometric(n)),
    "pcgrad": (pcgrad, largest),
    "primary_auxiliary": (lambda g: shortest(g[:1], g[1:]), lambda n, u: n[0]),
    "upgrad": (upgrad, largest),
}
# Their mean is over all tasks, those without a gradient among them.
OVER_ALL = ("aligned_mtl", "cagrad", "mean", "upgrad")
NAMES = (*PARTS, "frank_wolfe")


def formula(name, g):
    kept = g[np.linalg.norm(g, axis=1) > 0]
    share = len(kept) / len(g) if name in OVER_ALL else 1
    return share * PARTS[name][0](kept)


def sensitivity(name, g):
    """How far `1e-7` on the diagonal of the cosines moves the aggregate."""
    n = np.linalg.norm(g, axis=1)
    wider = np.hstack([g, np.diag(n * np.sqrt(1e-7))])
    moved = formula(name, wider)[: g.shape[1]] - formula(name, g)
    return np.linalg.norm(moved)


@pytest.mark.parametrize("num_tasks", [2, 3, 16])
@pytest.mark.parametrize("name", PARTS)
def test_follows_its_formula(name, num_tasks):
    aggregator = multitask.get(name)
    for seed, kind in enumerate(KINDS):
        g = gradients(kind, num_tasks, seed)
        expected = formula(name, g)
        n = np.linalg.norm(g, axis=1)
        scale = PARTS[name][1](n[n > 0], expected)
        error = np.linalg.norm(aggregate(aggregator, g) - expected)
        assert error <= tolerance(name, kind, g, scale) * scale, kind


def tolerance(name, kind, g, scale):
    """1e-5, and more only where float32 cannot hold what the answer needs."""
    if name == "nash_mtl" and kind in ("opposite", "antiparallel"):
        # Weights near 1/√ridge = 1000.
        return 1e-3
    if name == "aligned_mtl" and kind.startswith("unequal"):
        # Eigenvalues at the cut.
        return 1e-3
    if name == "imtlg" and kind == "unequal and aligned":
        # Weights of both signs, and a length that is their small sum.
        return np.inf
    ill_posed = ("few directions", "conflicting", "unequal and aligned")
    if name not in ("mean", "pcgrad") and kind in ill_posed:
        return 1e-5 + 10 * sensitivity(name, g) / scale
    return 1e-5


def test_frank_wolfe_follows_its_iteration():
    for kind in ("random", "zero", "conflicting", "aligned", "two sizes"):
        g = gradients(kind, 3, 0)
        expected = frank_wolfe(g[np.linalg.norm(g, axis=1) > 0])
        found = aggregate(multitask.FrankWolfe(num_steps=3), g)
        scale = np.linalg.norm(g, axis=1).max()
        np.testing.assert_allclose(found, expected, 0, 1e-5 * scale)


@pytest.mark.parametrize("name", NAMES)
def test_a_common_factor_leaves_the_weights(name):
    g = gradients("random", 3, 0)
    expected = weights_of(multitask.get(name), g @ g.T)
    for factor in (1e-12, 1e-3, 1e4, 1e12):
        found = weights_of(multitask.get(name), factor**2 * (g @ g.T))
        np.testing.assert_allclose(found, expected, 1e-4, 1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("num_tasks", [2, 3])
def test_gradients_of_zero_give_equal_weights(name, num_tasks):
    found = weights_of(multitask.get(name), np.zeros((num_tasks, num_tasks)))
    np.testing.assert_allclose(found, np.full(num_tasks, 1 / num_tasks), 1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_spoils_every_weight(name, bad):
    gram = np.eye(3)
    gram[0, 1] = gram[1, 0] = bad
    assert np.isnan(weights_of(multitask.get(name), gram)).all()


def total_weight(gram):
    weights = multitask.get("normalized_sum")(gram)
    return keras.ops.sum(weights) + keras.ops.sum(gram)


def test_no_gradient_flows_through_the_weights():
    gram = np.array([[1.0, 0.5], [0.5, 4.0]], "float32")
    _, gradient = value_and_gradient(total_weight, gram)
    np.testing.assert_array_equal(gradient, np.ones((2, 2)))


@pytest.mark.parametrize("name", ["cagrad", "mgda", "nash_mtl", "upgrad"])
def test_one_task_keeps_its_direction(name):
    (weight,) = weights_of(multitask.get(name), [[9.0]])
    expected = 1.5 if name == "cagrad" else 1.0
    assert weight == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", set(NAMES) - {"pcgrad", "primary_auxiliary"})
def test_the_order_of_the_tasks_does_not_matter(name):
    g = gradients("random", 3, 1)
    order = [2, 0, 1]
    expected = aggregate(multitask.get(name), g)
    found = aggregate(multitask.get(name), g[order])
    np.testing.assert_allclose(found, expected, 1e-4, 1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_keeps_its_configuration(name):
    aggregator = multitask.get(name)
    check_config(type(aggregator), {})
    described = keras.saving.serialize_keras_object(aggregator)
    again = multitask.get(described)
    assert type(again) is type(aggregator)
    assert multitask.get(again) is again


def test_arguments_are_kept_and_change_the_result():
    gram = [[1.0, -0.5, 0.2], [-0.5, 4.0, -3.0], [0.2, -3.0, 9.0]]
    for cls, name, value in (
        (multitask.CAGrad, "conflict_aversion", 0.2),
        (multitask.FrankWolfe, "num_steps", 2),
        (multitask.PrimaryAuxiliary, "primary", 2),
        (multitask.PrimaryAuxiliary, "primary", [1, 2]),
    ):
        check_config(cls, {name: value})
        other = weights_of(cls(**{name: value}), gram)
        assert abs(other - weights_of(cls(), gram)).max() > 1e-2


@pytest.mark.parametrize("dtype", ["int32", "float16", "bfloat16", "float32"])
def test_weights_are_float32_whatever_the_gram_matrix_is(dtype):
    gram = keras.ops.cast([[4, -1], [-1, 9]], dtype)
    found = multitask.MGDA()(gram)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(found), [2 / 3, 1 / 3], 1e-6
    )


def test_names_a_bad_argument():
    for shape in ((2,), (2, 3), (2, 2, 2), (0, 0)):
        with pytest.raises(ValueError, match="`gram` must"):
            multitask.Mean()(np.zeros(shape))
    for bad in ("mgdaa", 3, None, multitask.MGDA):
        with pytest.raises(ValueError, match="aggregator must be one of"):
            multitask.get(bad)
    for bad in (-0.1, 1.0):
        with pytest.raises(ValueError, match="`conflict_aversion` must"):
            multitask.CAGrad(bad)
    for bad in (0, 1.5):
        with pytest.raises(ValueError, match="`num_steps` must"):
            multitask.FrankWolfe(bad)
    for bad in (-1, [], [0, 0], [0.5]):
        with pytest.raises(ValueError, match="`primary` must"):
            multitask.PrimaryAuxiliary(bad)
    with pytest.raises(ValueError, match="tasks from 0 to 1"):
        multitask.PrimaryAuxiliary(2)(np.eye(2))
    with pytest.raises(NotImplementedError, match="`weights"):
        multitask.Aggregator()(np.eye(2))
