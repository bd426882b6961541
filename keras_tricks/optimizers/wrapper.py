"""What an optimizer around an optimizer owes Keras.

Private names of Keras, used here and in `_wrapped_step.py`, nowhere else:

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
from collections.abc import Sequence
from typing import Any

import keras

from keras_tricks.optimizers._inner_optimizer import refuse_base_arguments
from keras_tricks.optimizers._inner_optimizer import refuse_inner
from keras_tricks.optimizers._wrapped_step import WrappedStep
from keras_tricks.optimizers._wrapped_step import rules

Tensor = Any
Variable = Any


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
