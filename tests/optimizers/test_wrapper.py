"""The base of optimizers around optimizers, and Keras' names it relies on."""

import inspect

import keras
import numpy as np
import pytest

from keras_tricks.optimizers import ChildTuning
from keras_tricks.optimizers._inner_optimizer import BASE_ARGUMENTS
from keras_tricks.optimizers.wrapper import OptimizerWrapper
from tests.checks.optimizers import Case
from tests.checks.optimizers import Run
from tests.checks.optimizers import assert_close
from tests.checks.optimizers import data
from tests.checks.optimizers import fit
from tests.checks.optimizers import numpy
from tests.checks.optimizers import problem
from tests.checks.optimizers import small_model

O = keras.optimizers  # noqa: E741
CASE = Case("wrapper", None, None)


class Same(OptimizerWrapper):
    """Meets gradients and updates, and changes neither."""

    transforms_updates = True

    def transform_gradients(self, gradients, variables):
        return [g * 1.0 for g in gradients]

    def transform_update(self, update, gradient, variable):
        return update * 1.0

    def transform_decay(self, decay, variable):
        return decay * 1.0


class Logged(OptimizerWrapper):
    """Multiplies what it meets, and writes down that it met it."""

    transforms_updates = True

    def __init__(self, inner_optimizer, label, factor, note, **kwargs):
        super().__init__(inner_optimizer, **kwargs)
        self.label, self.factor, self.note = label, factor, note

    def build_state(self, variables):
        self.steps = self.add_scalar("steps", dtype="int32")

    def transform_gradients(self, gradients, variables):
        self.note(f"{self.label} gradient")
        return [g * self.factor for g in gradients]

    def before_updates(self, gradients, variables):
        self.steps.assign(self.steps + 1)

    def transform_update(self, update, gradient, variable):
        self.note(f"{self.label} update")
        return update * self.factor


INNER = {
    "sgd": lambda: O.SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda: O.RMSprop(0.01, centered=True),
    "adam": lambda: O.Adam(0.01, amsgrad=True),
    "adamw": lambda: O.AdamW(0.01, weight_decay=0.1),
    "adadelta": lambda: O.Adadelta(0.1),
    "adagrad": lambda: O.Adagrad(0.1),
    "adamax": lambda: O.Adamax(0.01),
    "adafactor": lambda: O.Adafactor(0.01),
    "nadam": lambda: O.Nadam(0.01),
    "ftrl": lambda: O.Ftrl(0.1),
    "lion": lambda: O.Lion(0.01),
    "lamb": lambda: O.Lamb(0.01, weight_decay=0.1),
    "muon": lambda: O.Muon(0.01, weight_decay=0.1, adam_weight_decay=0.2),
    "schedule_free": lambda: O.ScheduleFreeAdamW(0.01),
    "multi": lambda: O.MultiOptimizer(
        O.OptimizerMap(O.Adam(0.01), {"weight_1": O.SGD(0.1)})
    ),
    "ema": lambda: O.SGD(0.1, use_ema=True, ema_overwrite_frequency=2),
    "accumulating": lambda: O.Adam(0.01, gradient_accumulation_steps=2),
}


@pytest.mark.parametrize("name", INNER)
def test_takes_any_optimizer_of_keras(name):
    weights, gradients = problem(CASE, steps=3)
    ends = []
    for wrap in (lambda inner: inner, Same):
        run = Run(CASE, wrap(INNER[name]()), weights)
        for gradient in gradients:
            run.step(gradient)
        ends.append(run.weights())
    assert any((a != b).any() for a, b in zip(weights, ends[0], strict=True))
    assert_close(ends[1], ends[0], 1e-6)


def test_meets_a_small_update_exactly():
    run = Run(CASE, Logged(O.SGD(1e-9), "a", 1e9, str), [np.ones(5)])
    run.optimizer.transform_gradients = lambda gradients, variables: gradients
    gradient = np.linspace(0.1, 0.3, 5)
    run.step([gradient])
    np.testing.assert_allclose(run.weights()[0], 1 - gradient, 1e-6)


def test_the_outer_meets_gradients_first_and_updates_last():
    log = []
    inner = Logged(O.SGD(0.1), "inner", 2.0, log.append)
    optimizer = Logged(inner, "outer", 3.0, log.append)
    run = Run(CASE, optimizer, [np.zeros(2)])
    run.step([np.ones(2)])
    assert log[:4] == [
        "outer gradient",
        "inner gradient",
        "inner update",
        "outer update",
    ]
    np.testing.assert_allclose(run.weights()[0], -0.1 * 36, 1e-6)
    assert int(numpy(inner.steps)) == int(numpy(optimizer.steps)) == 1
    assert optimizer.variables == inner.inner_optimizer.variables


def test_state_is_reverted_where_gradients_only_accumulate():
    optimizer = Logged(O.SGD(0.1, gradient_accumulation_steps=3), "a", 1.0, str)
    run = Run(CASE, optimizer, [np.zeros(2)])
    for _ in range(6):
        run.step([np.ones(2)])
    assert any(v is optimizer.steps for v in optimizer.variables)
    assert int(numpy(optimizer.steps)) == 2
    assert int(numpy(optimizer.iterations)) == 2


def test_wraps_an_optimizer_that_has_trained():
    weights, gradients = problem(CASE, steps=3)
    alone = Run(CASE, O.Adam(0.1), weights)
    run = Run(CASE, O.Adam(0.1), weights)
    for step, gradient in enumerate(gradients):
        alone.step(gradient)
        if step == 1:
            run.optimizer = Same(run.optimizer)
            run.optimizer.build(run.variables)
            run.compiled = run.compile()
        run.step(gradient)
    assert_close(run.weights(), alone.weights(), 1e-6)


def test_callbacks_of_keras_reach_the_inner_optimizer(tmp_path):
    x, y = data(8)
    inner = O.SGD(0.1, use_ema=True)
    model = small_model(CASE, ChildTuning(Same(inner), 0.5, seed=0))
    callbacks = [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
        keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
        keras.callbacks.BackupAndRestore(tmp_path / "backup"),
    ]
    model.fit(x, y, epochs=2, callbacks=callbacks, verbose=0)
    assert float(numpy(inner.learning_rate)) == pytest.approx(0.025)
    model.optimizer.learning_rate = 0.5
    assert float(numpy(inner.learning_rate)) == 0.5


def test_the_inner_optimizer_decides_what_decays():
    optimizer = Same(O.SGD(0.1, weight_decay=0.5))
    optimizer.exclude_from_weight_decay(var_names=["weight_1"])
    run = Run(CASE, optimizer, [np.ones(2), np.ones(2)])
    run.step([np.zeros(2), np.zeros(2)])
    np.testing.assert_allclose(run.weights()[0], 0.95, 1e-6)
    assert (run.weights()[1] == 1).all()


def test_forwards_what_is_set_on_it():
    inner = O.SGD(0.1)
    optimizer = Same(inner)
    for name, value in dict(
        clipnorm=1.0, use_ema=True, weight_decay=0.2
    ).items():
        setattr(optimizer, name, value)
        assert getattr(inner, name) == getattr(optimizer, name) == value


def test_scales_the_loss_as_the_inner_optimizer_does():
    optimizer = Same(O.SGD(0.1, loss_scale_factor=8.0))
    assert float(optimizer.scale_loss(2.0)) == 16.0


def test_compile_scales_the_loss_outside():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        model.compile(ChildTuning("sgd", 0.5), "mse")
    finally:
        keras.config.set_dtype_policy("float32")
    assert isinstance(model.optimizer, O.LossScaleOptimizer)
    assert isinstance(model.optimizer.inner_optimizer, ChildTuning)
    fit(model, *data(8))


def test_refuses_a_scaled_loss_inside_and_tells_the_order():
    scaled = O.LossScaleOptimizer(O.SGD(0.1))
    with pytest.raises(
        ValueError,
        match=r"LossScaleOptimizer\(ChildTuning\(inner_optimizer\)\)",
    ):
        ChildTuning(scaled, 0.5)


def test_refuses_an_inner_optimizer_twice():
    inner = O.SGD(0.1)
    Same(Same(inner))
    with pytest.raises(ValueError, match="inside another wrapper"):
        Same(inner)


def test_knows_the_arguments_that_keras_has_for_every_optimizer():
    # That of `Optimizer` is hidden on TensorFlow.
    of_sgd = {"self", "momentum", "nesterov", "name", "kwargs"}
    assert (
        set(BASE_ARGUMENTS)
        == {*inspect.signature(O.SGD.__init__).parameters} - of_sgd
    )


def test_a_rule_may_move_a_weight_twice():
    class Twice(O.Optimizer):
        def update_step(self, gradient, variable, learning_rate):
            step = gradient * keras.ops.cast(learning_rate, variable.dtype)
            self.assign_sub(variable, step)
            self.assign_sub(variable, 2.0 * step)

    run = Run(CASE, Same(Twice(0.1)), [np.ones(2)])
    run.step([np.ones(2)])
    np.testing.assert_allclose(run.weights()[0], 0.7, rtol=1e-6)


def test_takes_the_weights_of_another():
    one, other = (
        Run(CASE, Same(O.SGD(0.1, momentum=0.9)), [np.ones(2)])
        for _ in range(2)
    )
    one.step([np.ones(2)])
    other.optimizer.set_weights([numpy(v) for v in one.optimizer.variables])
    for v, w in zip(
        one.optimizer.variables, other.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(numpy(v), numpy(w))


@pytest.mark.parametrize("name", BASE_ARGUMENTS)
def test_refuses_what_belongs_to_the_inner_optimizer(name):
    with pytest.raises(ValueError, match="set it on `inner_optimizer`"):
        ChildTuning("sgd", 0.5, **{name: 1.0})


def test_names_what_is_no_argument_and_no_optimizer():
    with pytest.raises(TypeError, match="momentum"):
        Same("sgd", momentum=0.9)
    with pytest.raises(ValueError, match="Could not"):
        Same("steepest")


def test_says_so_if_a_rule_hides_its_update():
    class Hidden(O.Optimizer):
        def update_step(self, gradient, variable, learning_rate):
            variable.assign_sub(gradient)

    optimizer = Same(Hidden(0.1))
    with pytest.raises(RuntimeError, match="hands it to"):
        Run(CASE, optimizer, [np.ones(2)]).step([np.ones(2)])


def test_is_not_in_the_way_while_it_changes_nothing():
    inner = O.SGD(0.1)
    Run(CASE, ChildTuning(inner, 1.0), [np.ones(2)])
    assert "update_step" not in inner.__dict__
    assert "wrapped_step" not in inner.__dict__
