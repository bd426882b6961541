"""ChildTuning beyond the contracts: its masks, Adam, and its child."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_tricks.optimizers import ChildTuning
from keras_tricks.optimizers import MetaStepSize
from tests.checks.configs import check_config
from tests.checks.optimizers import Case
from tests.checks.optimizers import Run
from tests.checks.optimizers import data
from tests.checks.optimizers import fit
from tests.checks.optimizers import numpy
from tests.checks.optimizers import small_model

O = keras.optimizers  # noqa: E741
CASE = Case("child", None, None)


def test_round_trips_its_config():
    check_config(
        ChildTuning,
        dict(
            inner_optimizer="adam",
            reserve_p=0.3,
            mode="task_driven",
            apply_to="update",
            seed=4,
            name="child",
        ),
    )


def test_draws_a_seed_and_keeps_it():
    one, other = ChildTuning("sgd", 0.3), ChildTuning("sgd", 0.3)
    assert one.seed != other.seed
    assert ChildTuning.from_config(one.get_config()).seed == one.seed


def masks_of(optimizer):
    return [numpy(mask) for mask in optimizer.child.mask_of.values()]


def moved_entries(optimizer, steps=4, **arguments):
    """Which of 64 weights each step moves, from gradients of ones."""
    run = Run(CASE, optimizer, [np.ones(64)], **arguments)
    before, moves = run.weights()[0], []
    for _ in range(steps):
        run.step([np.ones(64)])
        moves.append(run.weights()[0] - before)
        before = run.weights()[0]
    return np.array(moves)


@pytest.mark.parametrize("apply_to", ["gradient", "update"])
def test_draws_a_new_mask_each_step_and_the_same_from_the_same_seed(apply_to):
    moves = [
        moved_entries(
            ChildTuning(O.SGD(0.5), 0.5, apply_to=apply_to, seed=seed)
        )
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(moves[0], moves[1])
    assert (moves[0] != moves[2]).any()
    assert len({row.tobytes() for row in moves[0]}) == 4
    assert set(np.unique(moves[0])) == {0, -1}


def test_a_gradient_mask_leaves_updates_to_a_wrapper_outside():
    alone = moved_entries(ChildTuning(O.SGD(0.5, momentum=0.9), 0.5, seed=1))
    inside = ChildTuning(O.SGD(0.5, momentum=0.9), 0.5, seed=1)
    neutral = MetaStepSize(
        inside,
        scale_learning_rate=0.0,
        gain_learning_rate=0.0,
        initial_scale=1.0,
    )
    np.testing.assert_allclose(moved_entries(neutral), alone, rtol=1e-6)


def test_one_mask_serves_all_gradients_that_are_accumulated():
    inner = O.SGD(0.5, gradient_accumulation_steps=2)
    moves = moved_entries(ChildTuning(inner, 0.5, seed=1), steps=8)
    alone = moved_entries(ChildTuning(O.SGD(0.5), 0.5, seed=1), steps=4)
    np.testing.assert_array_equal(moves[1::2], alone)
    assert not moves[::2].any()


def test_two_weights_of_a_shape_have_other_masks():
    run = Run(CASE, ChildTuning(O.SGD(0.5), 0.5, seed=0), [np.ones(64)] * 2)
    run.step([np.ones(64)] * 2)
    assert (run.weights()[0] != run.weights()[1]).any()


def mean_step(apply_to, p, scale=1.0):
    """Adam's mean step over a long run of noisy gradients, with its spread."""
    rng = np.random.default_rng(0)
    inner = O.Adam(1e-3, beta_1=0.0, beta_2=0.99, epsilon=1e-12)
    optimizer = ChildTuning(inner, p, apply_to=apply_to, seed=0)
    run = Run(CASE, optimizer, [np.zeros(2000)])
    before, steps = 0.0, []
    for step in range(300):
        run.step([scale * (0.1 + rng.normal(size=2000))])
        if step >= 200:
            steps.append(run.weights()[0] - before)
        before = run.weights()[0]
    return np.mean(steps) / -1e-3, np.std(steps) / 1e-3


def test_with_adam_a_gradient_mask_is_a_smaller_rate_and_an_update_mask_not():
    plain, spread = mean_step("gradient", 1.0)
    masked, _ = mean_step("gradient", 0.25)
    assert masked / plain == pytest.approx(0.5, abs=0.06)
    masked, spread_masked = mean_step("update", 0.25)
    assert masked / plain == pytest.approx(1.0, abs=0.1)
    assert spread_masked / spread == pytest.approx(2.0, abs=0.2)


def child_of_half(apply_to, **arguments):
    optimizer = ChildTuning(
        O.AdamW(0.1, weight_decay=0.5, **arguments),
        0.5,
        mode="task_driven",
        apply_to=apply_to,
    )
    information = np.arange(64.0) % 2
    case = Case(
        "half", None, None, lambda o, v: o.choose_child(v, [information])
    )
    run = Run(case, optimizer, [np.ones(64)])
    for _ in range(3):
        run.step([np.ones(64)])
    return run.weights()[0], information > 0


def test_outside_the_child_an_update_mask_holds_still_decay_included():
    weights, child = child_of_half("update")
    assert (weights[~child] == 1).all()
    assert (weights[child] < 1).all()


def test_outside_the_child_a_gradient_mask_leaves_the_decay():
    weights, child = child_of_half("gradient")
    np.testing.assert_allclose(weights[~child], 0.95**3, rtol=1e-6)
    assert (weights[child] < 0.95**3).all()


def test_inside_the_child_nothing_changes():
    alone = Run(CASE, O.AdamW(0.1, weight_decay=0.5), [np.ones(64)])
    for _ in range(3):
        alone.step([np.ones(64)])
    for apply_to in ("gradient", "update"):
        weights, child = child_of_half(apply_to)
        np.testing.assert_allclose(
            weights[child], alone.weights()[0][child], 1e-6
        )


def test_the_average_of_weights_is_of_the_masked_ones():
    weights, child = child_of_half("update", use_ema=True, ema_momentum=0.5)
    assert (weights[~child] == 1).all()


def test_the_child_is_saved_and_need_not_be_chosen_again(tmp_path):
    x, y = data(8)

    def model():
        inner = O.AdamW(0.1)
        return small_model(
            CASE, ChildTuning(inner, 0.5, mode="task_driven", apply_to="update")
        )

    one = model()
    shapes = [v.shape for v in one.trainable_variables]
    rng = np.random.default_rng(0)
    one.optimizer.choose_child(
        one.trainable_variables, [rng.random(tuple(s)) for s in shapes]
    )
    one.save_weights(tmp_path / "w.weights.h5")
    other = model()
    other.optimizer.build(other.trainable_variables)
    other.load_weights(tmp_path / "w.weights.h5")
    for mask, wanted in zip(
        masks_of(other.optimizer), masks_of(one.optimizer), strict=True
    ):
        np.testing.assert_array_equal(mask, wanted)
    fit(other, x, y)
    chosen = sum(int(m.sum()) for m in masks_of(one.optimizer))
    assert chosen == round(0.5 * sum(np.prod(s) for s in shapes))


def test_stores_one_byte_per_weight_or_none():
    plain, free, driven = (
        Run(CASE, optimizer, [np.ones(64)]).optimizer
        for optimizer in (
            O.Adam(),
            ChildTuning("adam", 0.5),
            ChildTuning("adam", 0.5, mode="task_driven"),
        )
    )
    assert len(free.variables) == len(plain.variables)
    (mask,) = driven.child.mask_of.values()
    assert mask.dtype == "bool"
    # And one number: whether it was chosen.
    assert len(driven.variables) == len(plain.variables) + 2


def test_refuses_to_train_before_a_child_is_chosen():
    optimizer = ChildTuning("sgd", 0.5, mode="task_driven")
    weights = keras.Variable([1.0])
    with pytest.raises(ValueError, match="choose_child"):
        optimizer.apply([ops.ones(1)], [weights])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(reserve_p=0), "`reserve_p` must be above 0"),
        (dict(reserve_p=1.1), "reserve_p=1.1"),
        (dict(mode="free"), "`mode` must be one of"),
        (dict(apply_to="weights"), "`apply_to` must be one of"),
        (dict(seed=-1), "seed=-1"),
        (dict(seed=2**32), "`seed` must be an integer"),
        (dict(seed=0.5), "seed=0.5"),
    ],
)
def test_names_the_bad_argument(change, message):
    with pytest.raises(ValueError, match=message):
        ChildTuning(**dict(inner_optimizer="sgd", reserve_p=0.5) | change)


def test_names_what_is_wrong_with_the_information():
    weights = keras.Variable([1.0, 1.0])
    optimizer = ChildTuning("sgd", 0.5, mode="task_driven")
    with pytest.raises(ValueError, match=r"shapes \[\(3,\)\]"):
        optimizer.choose_child([weights], [np.ones(3)])
    for bad in (np.nan, -1.0):
        with pytest.raises(ValueError, match="must not be negative or NaN"):
            optimizer.choose_child([weights], [[1.0, bad]])
    with pytest.raises(ValueError, match="mode='task_free'"):
        ChildTuning("sgd", 0.5).choose_child([weights], [np.ones(2)])
