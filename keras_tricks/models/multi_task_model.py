"""A model of several tasks whose losses or gradients are balanced."""

from typing import Any

import keras

from keras_tricks.models.task_balancing import TaskBalancing


@keras.saving.register_keras_serializable(package="keras_tricks")
class MultiTaskModel(TaskBalancing, keras.Model):
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
    `task_weights` holds the weights that the aggregator found last, NaN where
    gradients overflowed; `callbacks.TaskWeights` logs them.

    When it does not help: tuned fixed weights and usual regularisation are
    often as good. Compare with `loss_weights=None` first.

    For a model with a `call` of its own derive from `TaskBalancing`.

    Args:
        inputs: As in `keras.Model`.
        outputs: A list or dict of outputs, one for each task.
        name: As in `keras.Model`. Defaults to `None`.
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

    # With arguments of these names Keras saves and loads it as a graph.
    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any
    ):
        super().__init__(inputs, outputs, name=name, **kwargs)
