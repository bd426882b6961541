"""What an optimizer around an optimizer owes Keras.

Private names of Keras, used here and nowhere else:

- `_backend_update_step` (JAX, PyTorch) and `_all_reduce_sum_gradients`
  (TensorFlow): where gradients are unscaled, accumulated, clipped and summed
  over replicas, and the rule has not seen them;
- `TorchParallelOptimizer`, whose `_backend_update_step` moves all variables at
  once, by their `value` and `_var_key`, and never calls `update_step`;
- `_apply_weight_decay`, `_use_weight_decay`, and Muon's `_should_use_adamw`;
- `_get_variable_index`, `_trainable_variables`, `_trainable_variables_indices`,
  `_var_key`, `_iterations`, `_learning_rate`, and of TensorFlow
  `_distribution_strategy`;
- `_layout` of a variable, its place in a distribution.

`tests/optimizers/test_wrapper.py` says when one of them changes.
"""

import contextlib
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_tricks._backend import add_in_place
from keras_tricks._backend import dense
from keras_tricks._backend import zero_in_place

Tensor = Any
Variable = Any

BASE_ARGUMENTS = (
    "learning_rate",
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)


def forwarded(name: str) -> property:
    """A property that is the inner optimizer's."""

    def read(self: Any) -> Any:
        return getattr(self.inner_optimizer, name)

    def write(self: Any, value: Any) -> None:
        # `Optimizer.__init__` writes its defaults before there is an inner one.
        if "inner_optimizer" in self.__dict__:
            setattr(self.inner_optimizer, name, value)

    return property(read, write)


class OptimizerWrapper(keras.optimizers.Optimizer):
    """Maps an optimizer to one with changed gradients or changed updates.

    The step of the inner optimizer runs as it is; a subclass changes what goes
    in and what comes out:

    ```
    g ← transform_gradients(g)              unscaled, accumulated, clipped
    before_updates(g)
    θ ← θ + transform_decay(−η λ θ)         if `transforms_updates`
    θ ← θ + transform_update(u(g, θ))       if `transforms_updates`
    ```

    with parameters θ, learning rate η, weight decay λ and the inner rule's
    update u. The update is caught where the rule hands it over. It is not
    reconstructed from the weights, where a small one would be lost in
    rounding; and it is met before the moving average of the weights and their
    constraints.

    The state lives among the inner optimizer's variables (`add_slot`,
    `add_scalar`): so it is saved and restored with them, reverted with them
    between steps of gradient accumulation and after a step that loss scaling
    skips, and placed on devices like them. In nested wrappers the outermost
    meets the gradient first and the update last; `before_updates` and
    `transform_update` of each are given the gradient that the rule receives.

    A subclass overrides `build_state`, the `transform_…` methods it needs, and
    `transforms_updates` if it needs one of the last two. While its `active` is
    false it changes nothing, and Keras' step is left as it is.

    Args:
        inner_optimizer: An optimizer, its name or its configuration. It may be
            another wrapper, but no `LossScaleOptimizer`.
        name: Optional name. Defaults to `None`.
        **kwargs: Refused. Arguments of `keras.optimizers.Optimizer` belong to
            the inner optimizer.

    Raises:
        ValueError: If `inner_optimizer` is no optimizer, scales the loss, or
            is inside another wrapper already; for arguments that belong to it.
    """

    built: bool
    transforms_updates = False
    active = True

    iterations = forwarded("iterations")
    learning_rate = forwarded("learning_rate")
    weight_decay = forwarded("weight_decay")
    clipnorm = forwarded("clipnorm")
    clipvalue = forwarded("clipvalue")
    global_clipnorm = forwarded("global_clipnorm")
    use_ema = forwarded("use_ema")
    ema_momentum = forwarded("ema_momentum")
    ema_overwrite_frequency = forwarded("ema_overwrite_frequency")
    loss_scale_factor = forwarded("loss_scale_factor")
    gradient_accumulation_steps = forwarded("gradient_accumulation_steps")
    _iterations = forwarded("_iterations")
    _learning_rate = forwarded("_learning_rate")
    _trainable_variables = forwarded("_trainable_variables")
    _trainable_variables_indices = forwarded("_trainable_variables_indices")

    def __init__(
        self, inner_optimizer: Any, name: str | None = None, **kwargs: Any
    ):
        refuse_base_arguments(type(self).__name__, kwargs)
        inner_optimizer = keras.optimizers.get(inner_optimizer)
        refuse_inner(type(self).__name__, inner_optimizer)
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        inner_optimizer.is_inside_wrapper = True

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        if not self.inner_optimizer.built:
            self.inner_optimizer.build(variables)
        self.built = True
        if not self.active:
            return
        self.build_state(list(variables))
        for rule in rules(self.inner_optimizer):
            steps = getattr(rule, "wrapped_step", None) or WrappedStep(rule)
            steps.add(self)

    def build_state(self, variables: list[Variable]) -> None:
        """Create what is stored, with `add_slot` and `add_scalar`."""

    def transform_gradients(
        self, gradients: list[Tensor], variables: list[Variable]
    ) -> list[Tensor]:
        """The gradients that the inner optimizer shall see."""
        return gradients

    def before_updates(
        self, gradients: list[Tensor], variables: list[Variable]
    ) -> None:
        """Look at the gradients, as the rule receives them, and assign state.

        The one place where the gradients of all variables are at hand; with a
        `MultiOptimizer` inside, those of each of its optimizers in turn.
        """

    def transform_update(
        self, update: Tensor, gradient: Tensor, variable: Variable
    ) -> Tensor:
        """What is added to `variable` in place of `update`."""
        return update

    def transform_decay(self, decay: Tensor, variable: Variable) -> Tensor:
        """What weight decay adds to `variable` in place of `decay`."""
        return decay

    def room_for_update(self, variable: Variable) -> Variable | None:
        """A slot of `variable` that the update may be caught in, if any.

        What it holds is lost between `before_updates` and `transform_update`.
        """
        return None

    def add_slot(
        self,
        variable: Variable,
        name: str,
        initializer: Any = "zeros",
        dtype: Any = None,
    ) -> Variable:
        """A variable of the shape of `variable`, stored where it is."""
        rule = next(
            rule
            for rule in rules(self.inner_optimizer)
            if rule._var_key(variable) in rule._trainable_variables_indices
        )
        strategy = getattr(rule, "_distribution_strategy", None)
        beside = (
            strategy.extended.colocate_vars_with(variable.value)
            if strategy
            else contextlib.nullcontext()
        )
        with beside:
            return rule.add_variable(
                variable.shape,
                initializer,
                dtype or variable.dtype,
                layout=getattr(variable, "_layout", None),
                name=f"{variable.path.replace('/', '_')}_{name}",
            )

    def add_scalar(
        self, name: str, initializer: Any = "zeros", dtype: Any = "float32"
    ) -> Variable:
        """One number, to be assigned in `before_updates`."""
        return next(rules(self.inner_optimizer)).add_variable(
            (), initializer, dtype, "only_first_replica", name=name
        )

    @property
    def variables(self) -> list[Variable]:
        return self.inner_optimizer.variables

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        if not self.built and trainable_variables is not None:
            trainable_variables = list(trainable_variables)
            self.build(trainable_variables)
        self.inner_optimizer.apply(grads, trainable_variables)

    def stateless_apply(
        self, optimizer_variables: Any, grads: Any, trainable_variables: Any
    ) -> Any:
        return self.inner_optimizer.stateless_apply(
            optimizer_variables, grads, trainable_variables
        )

    def scale_loss(self, loss: Tensor) -> Tensor:
        return self.inner_optimizer.scale_loss(loss)

    def finalize_variable_values(self, var_list: Any) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(
        self, var_list: Any = None, var_names: Any = None
    ) -> None:
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def set_weights(self, weights: Any) -> None:
        self.inner_optimizer.set_weights(weights)

    def save_own_variables(self, store: Any) -> None:
        """Nothing: the inner optimizer is saved, with the state of this one."""

    def load_own_variables(self, store: Any) -> None:
        """Nothing: see `save_own_variables`."""

    def get_config(self) -> dict:
        inner = keras.saving.serialize_keras_object(self.inner_optimizer)
        return {"inner_optimizer": inner, "name": self.name}

    @classmethod
    def from_config(
        cls, config: dict, custom_objects: dict | None = None
    ) -> Any:
        config = dict(config)
        config["inner_optimizer"] = keras.saving.deserialize_keras_object(
            config["inner_optimizer"], custom_objects=custom_objects
        )
        return cls(**config)

    def __getattr__(self, name: str) -> Any:
        # Callbacks look below one `inner_optimizer`, that of a
        # `LossScaleOptimizer`, for the moving averages of the weights.
        if name.startswith("__") or name == "inner_optimizer":
            raise AttributeError(name)
        return getattr(self.inner_optimizer, name)


class WrappedStep:
    """Where wrappers meet the gradients and updates of one plain optimizer.

    It stands between Keras' step and the optimizer's rule, as attributes of
    the instance in front of the methods of its class.

    Args:
        rule: The optimizer that moves the variables.
    """

    def __init__(self, rule: Any):
        self.rule = rule
        self.wrappers: list[OptimizerWrapper] = []  # innermost first
        self.variable: Variable = None
        self.update: Tensor = None
        rule.wrapped_step = self
        if hasattr(rule, "_all_reduce_sum_gradients"):
            rule._all_reduce_sum_gradients = self.summed_gradients
        else:
            rule._backend_update_step = self.update_variables

    def add(self, wrapper: OptimizerWrapper) -> None:
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


def refuse_base_arguments(wrapper: str, kwargs: dict) -> None:
    """Raise for each argument that belongs to the inner optimizer."""
    for name in kwargs:
        if name in BASE_ARGUMENTS:
            raise ValueError(
                f"{wrapper} has no `{name}` of its own. Instead, set it on "
                f"`inner_optimizer`. Received: {name}={kwargs[name]!r}"
            )
    if kwargs:
        raise TypeError(f"{wrapper} has no arguments {sorted(kwargs)}.")


def refuse_inner(wrapper: str, inner_optimizer: Any) -> None:
    """Raise for an optimizer that cannot be the inner one."""
    if isinstance(inner_optimizer, keras.optimizers.LossScaleOptimizer):
        raise ValueError(
            "The loss must be scaled outside: use LossScaleOptimizer("
            f"{wrapper}(inner_optimizer)), or leave it to `compile`, which "
            "would scale the loss once and the gradients twice. "
            f"Received: inner_optimizer={inner_optimizer}"
        )
    if "is_inside_wrapper" in inner_optimizer.__dict__:
        raise ValueError(
            "`inner_optimizer` must not be inside another wrapper. Give each "
            f"its own. Received: inner_optimizer={inner_optimizer}"
        )
