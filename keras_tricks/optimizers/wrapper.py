"""What an optimizer around an optimizer owes Keras.

Private names of Keras, used here, in `_forwarding.py` and `_wrapped_step.py`:

- `_backend_update_step` (JAX, PyTorch) and `_all_reduce_sum_gradients`
  (TensorFlow): where gradients are unscaled, accumulated, clipped and summed
  over replicas, and the rule has not seen them;
- `TorchParallelOptimizer`, whose `_backend_update_step` moves all variables at
  once, by their `value` and `_var_key`, and never calls `update_step`;
- `_apply_weight_decay`, `_use_weight_decay`, and Muon's `_should_use_adamw`;
- `_get_variable_index`, `_trainable_variables`, `_trainable_variables_indices`,
  `_var_key`, `_iterations`, `_learning_rate`, and of TensorFlow
  `_distribution_strategy`;
- `_layout` of a variable, its place in a distribution, and `_value`, which is
  None while JAX' trainer holds the value.

`tests/optimizers/test_wrapper.py` says when one of them changes.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

from keras_tricks.optimizers._forwarding import ForwardingOptimizer
from keras_tricks.optimizers._wrapped_step import WrappedStep
from keras_tricks.optimizers._wrapped_step import rules

Tensor = Any
Variable = Any


def holds_value(variable: Variable) -> bool:
    """Whether its value is there; JAX' trainer takes it away in `fit`."""
    return variable._value is not None


class OptimizerWrapper(ForwardingOptimizer):
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

    transforms_updates = False
    active = True

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
