"""What is proven of the aggregators, alone and between each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.multitask import IMTLG
from keras_tricks.multitask import MGDA
from keras_tricks.multitask import AlignedMTL
from keras_tricks.multitask import CAGrad
from keras_tricks.multitask import FrankWolfe
from keras_tricks.multitask import Mean
from keras_tricks.multitask import NashMTL
from keras_tricks.multitask import NormalizedSum
from keras_tricks.multitask import PCGrad
from keras_tricks.multitask import PrimaryAuxiliary
from keras_tricks.multitask import UPGrad
from tests.checks.aggregators import aggregate
from tests.checks.aggregators import gradients
from tests.checks.aggregators import weights_of

SEEDS = st.integers(0, 10_000)
WELL_POSED = st.sampled_from(
    ["random", "duplicate", "opposite", "aligned", "two sizes", "unequal"]
)


def gains(g, u):
    """Cosines of `u` with each gradient, but relative to the largest `g`."""
    n = np.linalg.norm(g, axis=1)
    return g @ u / n / n.max()


def direction(u):
    return u / np.linalg.norm(u)


@given(SEEDS, WELL_POSED, st.sampled_from([2, 3, 16]))
def test_upgrad_and_mgda_conflict_with_no_task(seed, kind, num_tasks):
    g = gradients(kind, num_tasks, seed)
    for aggregator in (UPGrad(), MGDA()):
        assert gains(g, aggregate(aggregator, g)).min() >= -1e-6


@given(SEEDS, st.sampled_from([3, 16]))
def test_mgda_gains_at_least_its_square_everywhere(seed, num_tasks):
    g = gradients("random", num_tasks, seed)
    u = aggregate(MGDA(), g)
    assert (g @ u).min() >= u @ u - 1e-5 * abs(g @ u).max()


@given(SEEDS)
def test_nash_gains_the_same_share_everywhere(seed):
    g = gradients("random", 3, seed)
    alpha = weights_of(NashMTL(), g @ g.T)
    share = alpha * (g @ (alpha @ g))
    np.testing.assert_allclose(share, share.mean(), rtol=1e-4)


@given(SEEDS, st.sampled_from(["random", "unequal", "unequal and aligned"]))
def test_imtlg_projects_equally_on_all(seed, kind):
    g = gradients(kind, 3, seed)
    projections = g @ aggregate(IMTLG(), g) / np.linalg.norm(g, axis=1)
    np.testing.assert_allclose(projections, projections.mean(), rtol=1e-3)


@given(SEEDS, WELL_POSED)
def test_for_two_tasks_pcgrad_is_twice_upgrad(seed, kind):
    g = gradients(kind, 2, seed)
    np.testing.assert_allclose(
        weights_of(PCGrad(), g @ g.T),
        2 * weights_of(UPGrad(), g @ g.T),
        rtol=1e-5,
    )


@given(SEEDS)
def test_for_two_tasks_three_methods_bisect_the_angle(seed):
    g = gradients("random", 2, seed)
    expected = direction(aggregate(NormalizedSum(), g))
    for aggregator in (NashMTL(), IMTLG()):
        found = direction(aggregate(aggregator, g))
        np.testing.assert_allclose(found, expected, atol=1e-5)


@given(SEEDS)
def test_without_conflict_projections_change_nothing(seed):
    g = gradients("aligned", 3, seed)
    mean = g.mean(axis=0)
    np.testing.assert_allclose(aggregate(Mean(), g), mean, rtol=1e-5)
    np.testing.assert_allclose(aggregate(UPGrad(), g), mean, rtol=1e-5)
    np.testing.assert_allclose(aggregate(PCGrad(), g), 3 * mean, rtol=1e-5)
    first = aggregate(PrimaryAuxiliary(), g)
    np.testing.assert_allclose(first, g[0], rtol=1e-5)


@given(SEEDS, st.sampled_from([0.0, 0.8]))
def test_cagrad_stays_in_its_ball_and_gains_on_the_mean(seed, c):
    g = gradients("random", 3, seed)
    mean, u = g.mean(axis=0), aggregate(CAGrad(c), g)
    radius = np.linalg.norm(mean)
    assert np.linalg.norm(u - mean) == pytest.approx(c * radius, abs=1e-5)
    assert (g @ u).min() >= (g @ mean).min() - 1e-5


@given(SEEDS)
def test_orthogonal_gradients_are_weighted_by_their_lengths(seed):
    n = 10.0 ** np.random.default_rng(seed).uniform(-1, 1, 3)
    gram = np.diag(n**2)
    for aggregator, expected in (
        (MGDA(), n**-2 / (n**-2).sum()),
        (NashMTL(), np.exp(np.log(n).mean()) / n),
        (IMTLG(), 1 / n / (1 / n).sum()),
        (AlignedMTL(), n.min() / n / 3),
        (UPGrad(), np.full(3, 1 / 3)),
        (PCGrad(), np.ones(3)),
    ):
        found = weights_of(aggregator, gram)
        np.testing.assert_allclose(found, expected, rtol=2e-5)


@given(SEEDS)
def test_frank_wolfe_ends_near_mgda(seed):
    g = gradients("random", 3, seed)
    exact, near = aggregate(MGDA(), g), aggregate(FrankWolfe(), g)
    assert np.linalg.norm(near) >= np.linalg.norm(exact) * (1 - 1e-6)
    assert np.linalg.norm(near) <= np.linalg.norm(exact) * 1.05


@pytest.mark.parametrize(
    "aggregator", [NormalizedSum(), NashMTL(), IMTLG()], ids=lambda x: type(x)
)
@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_the_unit_of_a_loss_does_not_turn_the_step(aggregator, factor):
    g = gradients("random", 3, 0)
    expected = direction(aggregate(aggregator, g))
    g[1] *= factor
    found = direction(aggregate(aggregator, g))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_one_auxiliary_task_has_a_closed_form():
    for seed in range(5):
        g = gradients("conflicting", 2, seed)
        weight = max(-g[0] @ g[1], 0) / (g[1] @ g[1])
        found = weights_of(PrimaryAuxiliary(), g @ g.T)
        np.testing.assert_allclose(found, [1, weight], rtol=1e-5)


def test_the_primary_task_never_gets_worse():
    """Where the published iteration stalls, its loss goes up."""
    g = np.array([[-1, -0.2], [1, 0], [np.sqrt(0.5), np.sqrt(0.5)]])
    stalled = g[0] + g[1] + 0.2 * np.sqrt(0.5) * g[2]
    np.testing.assert_allclose(stalled, [0.1, -0.1], atol=1e-12)
    assert g[0] @ stalled < -0.07
    found = weights_of(PrimaryAuxiliary(), g @ g.T)
    np.testing.assert_allclose(found, [1, 0.8, 0.2 * np.sqrt(2)], rtol=1e-5)
    np.testing.assert_allclose(found @ g, 0, atol=1e-6)


def test_a_primary_task_without_a_gradient_holds_the_others_back():
    for sizes in ([0, 1], [0, 1, 2]):
        found = weights_of(PrimaryAuxiliary(), np.diag(np.array(sizes)))
        np.testing.assert_array_equal(found, np.eye(len(sizes))[0])
    found = weights_of(PrimaryAuxiliary([0, 1]), np.diag([0.0, 1.0, 2.0]))
    np.testing.assert_allclose(found, [0, 1, 0], atol=1e-6)


@given(SEEDS)
def test_auxiliary_tasks_are_kept_and_the_primary_gains_its_square(seed):
    g = gradients("conflicting", 3, seed)
    u = aggregate(PrimaryAuxiliary(), g)
    assert gains(g, u)[1:].min() >= -1e-6
    assert g[0] @ u == pytest.approx(u @ u, abs=1e-5 * (g[0] @ g[0]))


@given(SEEDS)
def test_with_every_task_primary_it_is_mgda(seed):
    g = gradients("random", 3, seed)
    found = weights_of(PrimaryAuxiliary([2, 0, 1]), g @ g.T)
    expected = weights_of(MGDA(), g @ g.T)
    np.testing.assert_allclose(found, expected, atol=1e-6)
