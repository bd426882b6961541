"""Where wrappers meet the step of a plain optimizer.

The private names of Keras that this needs are listed in `wrapper.py`.
"""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from keras_tricks._backend import add_in_place
from keras_tricks._backend import dense
from keras_tricks._backend import zero_in_place

Tensor = Any
Variable = Any


class WrappedStep:
    """Where wrappers meet the gradients and updates of one plain optimizer.

    It stands between Keras' step and the optimizer's rule, as attributes of
    the instance in front of the methods of its class.

    Args:
        rule: The optimizer that moves the variables.
    """

    def __init__(self, rule: Any):
        self.rule = rule
        self.wrappers: list[Any] = []  # innermost first
        self.variable: Variable = None
        self.update: Tensor = None
        rule.wrapped_step = self
        if hasattr(rule, "_all_reduce_sum_gradients"):
            rule._all_reduce_sum_gradients = self.summed_gradients
        else:
            rule._backend_update_step = self.update_variables

    def add(self, wrapper: Any) -> None:
        """Let `wrapper` take part, outside of those that do."""
        self.wrappers.append(wrapper)
        if wrapper.transforms_updates:
            self.rule.update_step = self.update_step
            self.rule.assign = self.assign
            self.rule.assign_add = self.assign_add
            self.rule.assign_sub = self.assign_sub
            self.rule._apply_weight_decay = self.postpone_weight_decay
            if moves_all_at_once(type(self.rule)):
                self.rule._var_key = variable_key

    def meet_gradients(
        self, gradients: list[Tensor], variables: list[Variable]
    ) -> list[Tensor]:
        variables = [self.of_the_model(v) for v in variables]
        gradients = [dense(g) for g in gradients]
        for wrapper in reversed(self.wrappers):
            gradients = wrapper.transform_gradients(gradients, variables)
        for wrapper in reversed(self.wrappers):
            wrapper.before_updates(gradients, variables)
        return gradients

    def summed_gradients(self, grads_and_vars: Any) -> list:
        rule = self.rule
        pairs = type(rule)._all_reduce_sum_gradients(rule, grads_and_vars)
        variables = [variable for _, variable in pairs]
        gradients = self.meet_gradients([g for g, _ in pairs], variables)
        return list(zip(gradients, variables, strict=True))

    def update_variables(
        self, gradients: Any, variables: Any, learning_rate: Any
    ) -> None:
        rule = self.rule
        gradients = self.meet_gradients(gradients, variables)
        if "update_step" in rule.__dict__ and moves_all_at_once(type(rule)):
            self.update_all_at_once(gradients, variables, learning_rate)
        else:
            step = type(rule)._backend_update_step
            step(rule, gradients, variables, learning_rate)

    def update_all_at_once(
        self, gradients: Any, variables: Any, learning_rate: Any
    ) -> None:
        """Catch what a rule adds to all variables by letting it add to zeros.

        The classes of Keras that do so never read the variables.
        """
        rule = self.rule
        stand_ins = [StandIn(v, self.zeros_for(v)) for v in variables]
        step = type(rule)._backend_update_step
        step(rule, gradients, stand_ins, learning_rate)
        for gradient, stand_in in zip(gradients, stand_ins, strict=True):
            variable = stand_in.stands_for
            self.add_decay(variable, learning_rate)
            update = self.transformed(stand_in.value, gradient, variable)
            add_in_place(variable, update)

    def zeros_for(self, variable: Variable) -> Tensor:
        """Zeros of the shape of `variable`, in the slot of a wrapper or new."""
        for wrapper in self.wrappers:
            room = wrapper.room_for_update(variable)
            if room is not None and room.dtype == variable.dtype:
                return zero_in_place(room)
        return ops.zeros(variable.shape, variable.dtype)

    def update_step(
        self, gradient: Tensor, variable: Variable, learning_rate: Any
    ) -> None:
        rule, of_the_model = self.rule, self.of_the_model(variable)
        self.add_decay(variable, learning_rate)
        self.variable, self.update = variable, None
        type(rule).update_step(rule, gradient, variable, learning_rate)
        update, self.variable = self.update, None
        if update is None:
            raise RuntimeError(
                "An update can be changed if `update_step` hands it to "
                "`self.assign`, `self.assign_add` or `self.assign_sub`, as "
                f"the optimizers of Keras do. Received: inner_optimizer={rule}"
            )
        update = self.transformed(update, gradient, of_the_model)
        type(rule).assign_add(rule, variable, update)

    def add_decay(self, variable: Variable, learning_rate: Any) -> None:
        rule, of_the_model = self.rule, self.of_the_model(variable)
        decay = weight_decay_of(rule, variable, of_the_model)
        if decay is not None:
            decay = -variable * decay * ops.cast(learning_rate, variable.dtype)
            for wrapper in self.wrappers:
                decay = wrapper.transform_decay(decay, of_the_model)
            type(rule).assign_add(rule, variable, decay)

    def transformed(
        self, update: Tensor, gradient: Tensor, variable: Variable
    ) -> Tensor:
        for wrapper in self.wrappers:
            update = wrapper.transform_update(update, gradient, variable)
        return update

    def assign(self, variable: Variable, value: Tensor) -> None:
        if variable is self.variable:
            self.update = ops.subtract(value, variable)
        else:
            type(self.rule).assign(self.rule, variable, value)

    def assign_add(self, variable: Variable, value: Tensor) -> None:
        if variable is not self.variable:
            type(self.rule).assign_add(self.rule, variable, value)
        elif self.update is None:
            self.update = value
        else:
            self.update = ops.add(self.update, value)

    def assign_sub(self, variable: Variable, value: Tensor) -> None:
        if variable is self.variable:
            self.assign_add(variable, ops.negative(value))
        else:
            type(self.rule).assign_sub(self.rule, variable, value)

    def postpone_weight_decay(self, variables: Any) -> None:
        """Nothing: `update_step` decays the weights, variable by variable."""

    def of_the_model(self, variable: Variable) -> Variable:
        """The Keras variable; TensorFlow's step is given its `tf.Variable`."""
        rule = self.rule
        return rule._trainable_variables[rule._get_variable_index(variable)]


def rules(optimizer: Any) -> Iterator[Any]:
    """The optimizers inside `optimizer` that move variables themselves."""
    if hasattr(optimizer, "optimizers"):
        for inner in optimizer.optimizers:
            yield from rules(inner)
    elif hasattr(optimizer, "inner_optimizer"):
        yield from rules(optimizer.inner_optimizer)
    elif optimizer.built:
        yield optimizer


class StandIn:
    """What a rule moves in place of a variable.

    Args:
        variable: The variable.
        value: A tensor that the rule changes in place.
    """

    def __init__(self, variable: Variable, value: Tensor):
        self.stands_for = variable
        self.value = value


def variable_key(variable: Variable | StandIn) -> int:
    """Keras' key of a variable on PyTorch, also for its stand-in."""
    return id(getattr(variable, "stands_for", variable))


def moves_all_at_once(rule: type) -> bool:
    """Whether the class never calls `update_step`."""
    return any(c.__name__ == "TorchParallelOptimizer" for c in rule.__mro__)


def weight_decay_of(
    rule: Any, variable: Variable, of_the_model: Variable
) -> float | None:
    """λ of a variable, or `None` if it is not to decay."""
    decay = rule.weight_decay
    muon = isinstance(rule, keras.optimizers.Muon)
    if muon and rule._should_use_adamw(of_the_model):
        decay = rule.adam_weight_decay
    if decay is None or not rule._use_weight_decay(variable):
        return None
    return decay
