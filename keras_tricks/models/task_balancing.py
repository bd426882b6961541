"""What balances the losses or the gradients of a model's tasks."""

from typing import Any

import keras
from keras import ops

from keras_tricks import _backend
from keras_tricks._replicas import ReplicaShare
from keras_tricks.models._balance import Balance
from keras_tricks.models._balance import Notes
from keras_tricks.models._task_gradients import TaskGradients
from keras_tricks.models._task_gradients import check_alone
from keras_tricks.models._task_gradients import shared_variables
from keras_tricks.models._task_loss import built_weighting
from keras_tricks.models._task_loss import is_method
from keras_tricks.models._task_loss import task_losses

Tensor = Any
# Beside `keras.Model` in the bases of a class, not above it: Keras exchanges
# that base where a model is made of inputs and outputs, in every class between.
Base: Any = object


@keras.saving.register_keras_serializable(package="keras_tricks")
class TaskBalancing(Base):
    """Maps a model class to one whose `compile` can balance several tasks.

    What `MultiTaskModel` adds to `keras.Model`, for models with a `call` of
    their own: put it before `keras.Model` among the bases. `compile` needs a
    list or dict of losses and, with an `aggregator`, the names of the `shared`
    layers, as nothing tells them from the others.

    Args:
        *args: Arguments of `keras.Model`.
        **kwargs: Arguments of `keras.Model`.

    Returns:
        Nothing by itself; the class after it says.

    Example:

    >>> import keras
    >>> from keras_tricks.models import TaskBalancing
    >>> class TwoTasks(TaskBalancing, keras.Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.trunk = keras.layers.Dense(8, "relu", name="trunk")
    ...         self.a = keras.layers.Dense(1)
    ...         self.b = keras.layers.Dense(1)
    ...
    ...     def call(self, inputs):
    ...         h = self.trunk(inputs)
    ...         return {"a": self.a(h), "b": self.b(h)}
    >>> losses = {"a": "mse", "b": "mae"}
    >>> TwoTasks().compile("adam", losses, loss_weights="dynamic")
    >>> TwoTasks().compile("adam", losses, aggregator="mgda", shared=["trunk"])
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.balance = Balance()

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
        self.balance.clear()
        method = is_method(loss_weights)
        if method or aggregator is not None:
            loss, tasks = task_losses(loss, outputs_of(self), self.notes.values)
            self.notes.names = [task.task for task in tasks]
        if aggregator is not None:
            check_alone(loss_weights)
            self.balance.gradients = TaskGradients(aggregator, len(tasks))
        elif method:
            self.balance.weighting = built_weighting(loss_weights, tasks)
            loss_weights = None
        super().compile(optimizer, loss, loss_weights, metrics, **kwargs)

    @property
    def weighting(self) -> Any:
        """The `LossWeighting`, if it is compiled with one."""
        return self.balance.weighting

    @property
    def gradients(self) -> Any:
        """What aggregates gradients, if it is compiled with an aggregator."""
        return self.balance.gradients

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        total = super().compute_loss(x, y, y_pred, sample_weight, training)
        values = [value for _, value in sorted(self.notes.values.items())]
        # What is remembered keeps the step's activations with it, on PyTorch.
        self.notes.values.clear()
        if self.gradients is not None and training:
            # Regularisers and the like belong to no task.
            rest = [total - sum(values)] if self.losses else []
            self.notes.losses = values + rest
        if self.weighting is None:
            return total
        losses = ops.stack([ops.cast(value, "float32") for value in values])
        whole = _backend.mean_over_replicas(losses) if training else losses
        one = ReplicaShare()(self.weighting(whole, training=training))
        # The value of the plain sum, the gradient of the weighting's.
        change = ops.cast(one - ops.sum(losses), total.dtype)
        return total + (change - ops.stop_gradient(change))

    def train_step(self, *arguments: Any) -> Any:
        if self.gradients is None:
            return super().train_step(*arguments)
        if not self.built:
            # TensorFlow's trainer leaves that to the first call.
            self(keras.utils.unpack_x_y_sample_weight(arguments[-1])[0])
        is_shared = self.shared_among_trainable()
        try:
            return _backend.train_step_by_tasks(
                self,
                lambda *found: self.gradients.combine(*found, is_shared),
                is_shared,
                *arguments,
            )
        finally:
            self.notes.losses = []

    def shared_among_trainable(self) -> list[bool]:
        """For each trainable variable whether several tasks share it."""
        notes = self.notes
        if notes.shared is None:
            # Once: it takes as long as making the model, and PyTorch's trainer
            # comes by at each step.
            notes.shared = shared_variables(self, notes.given["shared"])
        shared = {id(variable) for variable in notes.shared}
        return [id(v) in shared for v in self.trainable_variables]

    @property
    def task_losses(self) -> list:
        """The tasks' losses within a step; last, what belongs to none."""
        return self.notes.losses

    @property
    def task_names(self) -> list:
        """The tasks' outputs, by name or number, in the order of weights."""
        return self.notes.names

    @property
    def step_state(self) -> list:
        """The variables that a step sets beside those it trains."""
        return [self.gradients.task_weights]

    @property
    def task_weights(self) -> Any:
        """The weights that the aggregator found at the last step."""
        return None if self.gradients is None else self.gradients.task_weights

    def get_config(self) -> dict:
        return super().get_config()

    def get_compile_config(self) -> dict:
        if not self.compiled:
            return {}
        given = {**self.notes.given, "optimizer": self.optimizer}
        return keras.saving.serialize_keras_object(given)

    def compile_from_config(self, config: dict) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)


def outputs_of(model: Any) -> Any:
    """The structure of the outputs, None where it is not known yet."""
    return model.output if getattr(model, "outputs", None) else None
