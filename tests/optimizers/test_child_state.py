"""What stays outside a child, and where a task-driven child comes from."""

import keras
import numpy as np
import pytest

from keras_tricks.optimizers import ChildTuning
from keras_tricks.optimizers import MetaStepSize
from tests.checks.optimizers import Case
from tests.checks.optimizers import Run
from tests.checks.optimizers import data
from tests.checks.optimizers import fit
from tests.checks.optimizers import numpy
from tests.checks.optimizers import small_model

O = keras.optimizers  # noqa: E741
CASE = Case("child", None, None)
EVEN = np.arange(64.0) % 2 == 0
STRANGE = np.where(np.arange(64) % 4 < 2, np.inf, np.nan)


def task_driven(apply_to="update", inner=None):
    inner = inner or O.AdamW(0.1)
    return ChildTuning(inner, 0.5, mode="task_driven", apply_to=apply_to)


def choose(optimizer, variables):
    rng = np.random.default_rng(0)
    scores = [rng.random(tuple(v.shape)) for v in variables]
    optimizer.choose_child(variables, scores)


CHOSEN = Case("chosen", None, None, prepare=choose)
EVEN_CHOSEN = Case(
    "even", None, None, prepare=lambda o, v: o.choose_child(v, [EVEN * 1.0])
)


@pytest.mark.parametrize("apply_to", ["gradient", "update"])
@pytest.mark.parametrize("wrap", [lambda o: o, MetaStepSize])
def test_gradients_that_are_not_finite_end_at_the_child(apply_to, wrap):
    optimizer = task_driven(apply_to, O.Adam(0.1))
    case = Case(
        "even",
        None,
        None,
        prepare=lambda o, v: optimizer.choose_child(v, [EVEN * 1.0]),
    )
    run = Run(case, wrap(optimizer), [np.ones(64)])
    for _ in range(2):
        run.step(np.where(EVEN, 1.0, STRANGE)[None])
    (weights,) = run.weights()
    assert (weights[~EVEN] == 1).all()
    assert (weights[EVEN] < 1).all()


@pytest.mark.parametrize("apply_to", ["gradient", "update"])
def test_gradients_that_are_not_finite_end_at_a_drawn_mask(apply_to):
    def moved(gradient):
        optimizer = ChildTuning(O.SGD(0.5), 0.5, apply_to=apply_to, seed=1)
        run = Run(CASE, optimizer, [np.ones(64)])
        run.step([gradient])
        return run.weights()[0]

    drawn = moved(np.ones(64)) != 1
    weights = moved(STRANGE)
    assert (weights[~drawn] == 1).all()
    assert not np.isfinite(weights[drawn]).any()


def test_under_loss_scaling_such_a_step_is_skipped_as_a_whole():
    scaled = O.LossScaleOptimizer(task_driven("gradient"), initial_scale=4.0)
    run = Run(EVEN_CHOSEN, scaled, [np.ones(64)])
    run.step(np.where(EVEN, 4.0, np.inf)[None])
    assert (run.weights()[0] == 1).all()
    run.step(np.where(EVEN, 2.0, 2.0)[None])
    assert (run.weights()[0][EVEN] < 1).all()


def model(optimizer, case=CASE):
    return small_model(case, optimizer)


def test_refuses_to_fit_before_a_child_is_chosen():
    for optimizer in (task_driven(), MetaStepSize(task_driven())):
        with pytest.raises(ValueError, match="choose_child"):
            fit(model(optimizer), *data(8))


@pytest.mark.parametrize("inner", ["the same", "another"])
def test_a_file_that_does_not_match_leaves_no_empty_child(tmp_path, inner):
    path = tmp_path / "w.weights.h5"
    bare = O.AdamW(0.1)
    one = (
        model(bare)
        if inner == "the same"
        else model(task_driven(inner=O.SGD(0.1)), CHOSEN)
    )
    fit(one, *data(8))
    one.save_weights(path)
    other = model(task_driven())
    other.optimizer.build(other.trainable_variables)
    with pytest.warns(UserWarning, match="Skipping variable loading"):
        other.load_weights(path)
    with pytest.raises(ValueError, match="must match in all variables"):
        fit(other, *data(8))


def test_a_file_saved_before_the_choice_holds_no_child(tmp_path):
    one = model(task_driven())
    one.optimizer.build(one.trainable_variables)
    one.save_weights(tmp_path / "w.weights.h5")
    other = model(task_driven(), CHOSEN)
    other.load_weights(tmp_path / "w.weights.h5")
    with pytest.raises(ValueError, match="choose_child"):
        fit(other, *data(8))


def test_a_child_that_arrives_with_the_state_need_not_be_chosen():
    x, y = data(8)
    one = model(task_driven(), CHOSEN)
    fit(one, x, y)
    other = model(task_driven())
    other.optimizer.build(other.trainable_variables)
    for v, w in zip(
        other.optimizer.variables, one.optimizer.variables, strict=True
    ):
        v.assign(numpy(w))
    other.set_weights(one.get_weights())
    for each in (one, other):
        fit(each, x, y)
    for v, w in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(v, w)


def test_a_state_tree_brings_the_child_along():
    def named():
        layer = keras.layers.Dense(2, name="dense")
        one = keras.Sequential([keras.Input((3,)), layer], name="one")
        inner = O.SGD(0.1, momentum=0.9, name="inner")
        one.compile(task_driven(inner=inner), "mse")
        one.set_weights([np.ones((3, 2)), np.ones(2)])
        return one

    one, other = named(), named()
    choose(one.optimizer, one.trainable_variables)
    other.optimizer.build(other.trainable_variables)
    other.set_state_tree(one.get_state_tree(value_format="numpy_array"))
    for each in (one, other):
        fit(each, *data(8))
    for v, w in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(v, w)


def test_a_state_that_is_passed_by_hand_is_taken_as_it_is():
    if keras.config.backend() == "tensorflow":
        pytest.skip("`stateless_apply` does not exist on TensorFlow")
    other = keras.Variable(np.ones(64))
    unchosen = task_driven(inner=O.SGD(0.1))
    unchosen.build([other])
    for case, moved in ((EVEN_CHOSEN, True), (CASE, False)):
        given = Run(case, task_driven(inner=O.SGD(0.1)), [np.ones(64)])
        step = unchosen.stateless_apply
        if keras.config.backend() == "jax":
            import jax

            step = jax.jit(step)
        elif not moved:
            continue  # PyTorch reads the state, and raises.
        (weights,), _ = step(
            [v.value for v in given.optimizer.variables],
            [keras.ops.ones(64)],
            [other.value],
        )
        if moved:
            np.testing.assert_allclose(numpy(weights), 1 - 0.1 * EVEN, 1e-6)
        else:
            assert np.isnan(numpy(weights)).all()


def test_the_order_of_variables_does_not_matter_to_the_choice():
    variables = [keras.Variable(np.ones(3)) for _ in range(2)]
    optimizer = task_driven()
    optimizer.build(variables)
    optimizer.choose_child(variables[::-1], [[9.0, 8.0, 0.0], [0.0, 0.0, 7.0]])
    masks = [numpy(optimizer.child.mask_of[id(v)]) for v in variables]
    np.testing.assert_array_equal(masks, [[0, 0, 1], [1, 1, 0]])


def test_names_variables_that_are_not_the_optimizers():
    one, other = keras.Variable(np.ones(3)), keras.Variable(np.ones(3))
    optimizer = task_driven()
    optimizer.build([one])
    with pytest.raises(ValueError, match="that the optimizer was built for"):
        optimizer.choose_child([other], [np.ones(3)])


def test_the_choice_survives_an_epoch_of_callbacks(tmp_path):
    x, y = data(10)  # The last batch is smaller: the step is traced again.
    one = model(task_driven(), CHOSEN)
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"),
        keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: one.optimizer.variables
        ),
    ]
    one.fit(x, y, batch_size=4, epochs=2, callbacks=callbacks, verbose=0)
    assert keras.saving.load_model(tmp_path / "2.keras").optimizer.built
