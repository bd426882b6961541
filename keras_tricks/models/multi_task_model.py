"""A model of several tasks whose losses or gradients are balanced."""

from typing import Any

import keras
from keras import ops

from keras_tricks import _backend
from keras_tricks import multitask
from keras_tricks.models._task_gradients import TaskGradients
from keras_tricks.models._task_gradients import check_alone
from keras_tricks.models._task_gradients import shared_variables
from keras_tricks.models._task_loss import built_weighting
from keras_tricks.models._task_loss import task_losses

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class MultiTaskModel(keras.Model):
    """Maps inputs to the outputs of several tasks, and balances their training.

    A `keras.Model` with two more things that `compile` takes:

    - `loss_weights` can be a method (`keras_tricks.multitask.LossWeighting`):
      the gradient is that of the one loss that it makes of the tasks' losses;
    - `aggregator` (`keras_tricks.multitask.Aggregator`): each task's gradient
      over the shared parameters is computed, and they are aggregated, exactly.
      It costs a backward pass for each task; `layers.GradientAggregation` is
      its cheap companion, one pass, over the shared features.

    ```
    L = f(L_1, …, L_T)           θ_shared follows Σ_i w_i ∂L_i/∂θ_shared,
    θ follows ∂L/∂θ              w = aggregator(G);  θ_i follows ∂L_i/∂θ_i
    ```

    The logs stay as they are without it: each output's loss, their plain sum
    as `loss`, and so a validation loss that can be compared between methods.
    `task_weights` holds the weights that the aggregator found last.

    When it does not help: tuned fixed weights and usual regularisation are
    often as good. Compare with `loss_weights=None` first.

    Args:
        *args: Inputs and outputs, as for `keras.Model`; or none, in a subclass.
        **kwargs: Arguments of `keras.Model`.

    Call arguments:
        inputs: As in `keras.Model`.

    Returns:
        The outputs, a list or dict with one tensor for each task.

    Example:

    ```python
    model = MultiTaskModel(inputs, {"age": age, "income": income})
    losses = {"age": "mse", "income": "binary_crossentropy"}
    model.compile("adam", losses, loss_weights="geometric")
    model.compile("adam", losses, aggregator="upgrad")
    ```

    Reference:
        Su Jianlin, 2022, https://kexue.fm/archives/8870 and
        https://kexue.fm/archives/8896.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        aggregator: Any = None,
        shared: Any = None,
        **kwargs: Any,
    ) -> None:
        """Set the model up for training, as `keras.Model.compile` does.

        Args:
            optimizer: As in `keras.Model`. Defaults to `"rmsprop"`.
            loss: A loss for each output, a list or dict; one loss stands for
                itself at every output. Defaults to `None`.
            loss_weights: As in `keras.Model`; or the name of a loss weighting
                of `keras_tricks.multitask`, or a `LossWeighting`, whose
                `lower_bounds` are in the order of `loss`, names sorted.
                Defaults to `None`.
            metrics: As in `keras.Model`. Defaults to `None`.
            aggregator: Name of an aggregator of `keras_tricks.multitask`, or
                an `Aggregator`. Defaults to `None`.
            shared: Names of the layers whose parameters are shared; `None`
                stands for those that several outputs depend on, which a model
                of inputs and outputs knows. Defaults to `None`.
            **kwargs: Other arguments of `keras.Model.compile`.
        """
        given = dict(
            optimizer=optimizer,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            aggregator=aggregator,
            shared=shared,
            **kwargs,
        )
        self.notes = Notes(given)
        self.weighting: Any = None
        self.gradients: Any = None
        method = is_method(loss_weights)
        if method or aggregator is not None:
            loss, tasks = task_losses(loss, outputs_of(self), self.notes.values)
        if aggregator is not None:
            check_alone(loss_weights)
            self.gradients = TaskGradients(aggregator, len(tasks))
        elif method:
            self.weighting = built_weighting(loss_weights, tasks)
            loss_weights = None
        super().compile(optimizer, loss, loss_weights, metrics, **kwargs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        self.notes.values.clear()
        total = super().compute_loss(x, y, y_pred, sample_weight, training)
        values = [value for _, value in sorted(self.notes.values.items())]
        if self.gradients is not None:
            # The last is what belongs to no task, such as regularisers.
            self.notes.losses = [*values, total - sum(values)]
        if self.weighting is None:
            return total
        losses = ops.stack([ops.cast(value, "float32") for value in values])
        one = self.weighting(losses, training=training)
        # The value of the plain sum, the gradient of the weighting's.
        change = ops.cast(one - ops.sum(losses), total.dtype)
        return total + (change - ops.stop_gradient(change))

    def train_step(self, *arguments: Any) -> Any:
        if self.gradients is None:
            return super().train_step(*arguments)
        names = self.notes.given["shared"]
        shared = {id(variable) for variable in shared_variables(self, names)}
        is_shared = [id(v) in shared for v in self.trainable_variables]
        return _backend.train_step_by_tasks(
            self, lambda g: self.gradients.combine(g, is_shared), *arguments
        )

    @property
    def task_losses(self) -> list:
        """The tasks' losses as last computed, and what belongs to none."""
        return self.notes.losses

    @property
    def step_state(self) -> list:
        """The variables that a step sets beside those it trains."""
        return [self.gradients.task_weights]

    @property
    def task_weights(self) -> Any:
        """The weights that the aggregator found at the last step."""
        return None if self.gradients is None else self.gradients.task_weights

    def get_compile_config(self) -> dict:
        if not self.compiled:
            return {}
        given = {**self.notes.given, "optimizer": self.optimizer}
        return keras.saving.serialize_keras_object(given)

    def compile_from_config(self, config: dict) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)


class Notes:
    """What the model remembers that is neither a variable nor a layer."""

    def __init__(self, given: dict):
        self.given = given
        self.values: dict = {}
        self.losses: list = []


def is_method(loss_weights: Any) -> bool:
    """Whether it is a loss weighting rather than numbers."""
    return isinstance(loss_weights, (str, multitask.LossWeighting))


def outputs_of(model: Any) -> Any:
    """The structure of the outputs, None where it is not known yet."""
    return model.output if getattr(model, "outputs", None) else None
