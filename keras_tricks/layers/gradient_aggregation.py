"""GradientAggregation: where the gradients of several tasks meet."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_tricks import multitask
from keras_tricks._backend import sum_over_replicas
from keras_tricks._checks import check_flag
from keras_tricks._checks import check_list
from keras_tricks._checks import check_positive_int
from keras_tricks.multitask.aggregator import cosines

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class GradientAggregation(keras.layers.Layer):
    """Maps shared features to a copy for each task, and gradients back to one.

    Forward, every task gets the features `h` as they are. Backward, the tasks'
    gradients `g_i = ∂L_i/∂h` of the batch meet here, and the layers before see

    ```
    G_ij = ⟨g_i, g_j⟩      w = aggregator(G)      ∂L/∂h := Σ_i w_i g_i
    ```

    in place of their sum. The heads behind it keep their own gradients. It is
    one backward pass, in an ordinary model under `compile` and `fit`, with any
    optimizer, mixed precision and loss scaling.

    Put it after the last layer that the tasks share. `aggregator="mean"` is
    the mean of the losses for the shared layers.

    When it does not help: the gradients by the *features* stand for those by
    the shared parameters. Mostly they agree; but that no task goes up along
    the aggregate of the first does not prove it for the second. Where each
    sample has the label of one task only, all `g_i` are orthogonal, whatever
    the tasks are: the layer then sees lengths and no conflicts
    (`callbacks.TaskWeights` warns of it). `models.MultiTaskModel` aggregates
    the parameters' gradients, exactly, for up to `num_tasks` backward passes.

    After a training step `task_weights` holds the weights that it found, and
    `task_cosines` the cosines of the gradients. The optimizer writes them:
    they are among `trainable_variables`, as the scales of quantized layers
    are. With `gradient_accumulation_steps` they hold the largest of several
    steps. With data parallel training the Gram matrix is that of the whole
    batch, on every backend.

    Args:
        tasks: Number of tasks, or a sequence of their names.
        aggregator: Name of an aggregator of `keras_tricks.multitask`, or an
            `Aggregator`. Defaults to `"mgda"`.
        track: Whether to keep `task_weights` and `task_cosines`. Needs a Keras
            optimizer without `use_ema`. Defaults to `True`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor of any shape; a mask is passed on to every copy.

    Returns:
        A list of `tasks` tensors like the inputs; a dict of them where `tasks`
        are names. The gradient of a copy that no loss depends on is zero.

    Raises:
        ValueError: If `tasks` is neither a number nor different names, or the
            aggregator is unknown.

    Example:

    >>> import keras
    >>> from keras_tricks.layers import GradientAggregation
    >>> inputs = keras.Input((8,))
    >>> h = keras.layers.Dense(4, "relu")(inputs)
    >>> copies = GradientAggregation(["age", "income"], "upgrad")(h)
    >>> outputs = {
    ...     k: keras.layers.Dense(1, name=k)(v) for k, v in copies.items()
    ... }
    >>> model = keras.Model(inputs, outputs)
    >>> model.compile("sgd", loss={"age": "mse", "income": "mae"})

    Reference:
        Sener and Koltun, 2018, https://arxiv.org/abs/1810.04650, and Su
        Jianlin, 2022, https://kexue.fm/archives/8896, who shows by an example
        that the bound's proof is wrong. The Gram matrix is that of the whole
        batch's features, not of their sum over the batch.
    """

    def __init__(
        self,
        tasks: int | Sequence[str],
        aggregator: Any = "mgda",
        track: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.tasks = read_tasks(tasks)
        self.aggregator = multitask.get(aggregator)
        self.track = check_flag("track", track)
        self.supports_masking = True

    @property
    def num_tasks(self) -> int:
        """The number of tasks."""
        return self.tasks if isinstance(self.tasks, int) else len(self.tasks)

    def build(self, input_shape: Any) -> None:
        size = self.num_tasks
        self.task_weights = self.add_state("task_weights", (size,))
        self.task_cosines = self.add_state("task_cosines", (size, size))

    def add_state(self, name: str, shape: tuple) -> Any:
        """A variable that the optimizer sets to its "gradient"."""
        if not self.track:
            return None
        return self.add_weight(
            shape=shape,
            initializer="zeros",
            dtype="float32",
            autocast=False,
            overwrite_with_gradient=True,
            name=name,
        )

    def call(self, inputs: Tensor) -> Any:
        # Variables enter as tensors: what the function closes over would have
        # no gradient, and JAX could not trace it.
        state = (self.task_weights, self.task_cosines) if self.track else ()
        copies = ops.custom_gradient(self.copy_with_gradient)(
            inputs, *(ops.convert_to_tensor(value) for value in state)
        )
        # One stacked tensor, as a function of several has no gradient on torch.
        return self.named(ops.unstack(copies, self.num_tasks, axis=0))

    def copy_with_gradient(self, inputs: Tensor, *state: Tensor) -> tuple:
        """The stacked copies, and the function that aggregates gradients."""
        shape = (self.num_tasks, *ops.shape(inputs))
        copies = ops.broadcast_to(ops.expand_dims(inputs, 0), shape)

        def gradient(*args: Tensor, upstream: Tensor = None) -> Any:
            # torch gives the inputs and `upstream`, the others only that.
            upstream = args[0] if upstream is None else upstream
            found = self.aggregate(upstream)
            return found if state else found[0]

        return copies, gradient

    def aggregate(self, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map stacked gradients to theirs, their weights and their cosines."""
        num_tasks = self.num_tasks
        g = ops.reshape(ops.cast(upstream, "float32"), (num_tasks, -1))
        G = sum_over_replicas(ops.matmul(g, ops.transpose(g)))
        w = self.aggregator(G)
        aggregate = ops.reshape(ops.matmul(w[None], g), ops.shape(upstream)[1:])
        return ops.cast(aggregate, upstream.dtype), w, cosines(G)

    def named(self, values: Any) -> Any:
        """One value for each task, as the layer returns them."""
        if isinstance(self.tasks, int):
            return list(values)
        return dict(zip(self.tasks, values, strict=True))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None if mask is None else self.named([mask] * self.num_tasks)

    def compute_output_spec(self, inputs: Any) -> Any:
        return self.named(
            keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)
            for _ in range(self.num_tasks)
        )

    def get_config(self) -> dict:
        config = super().get_config()
        config.update(
            {
                "tasks": self.tasks,
                "aggregator": keras.saving.serialize_keras_object(
                    self.aggregator
                ),
                "track": self.track,
            }
        )
        return config


def read_tasks(tasks: Any) -> int | list[str]:
    """A number of tasks, or a list of their names; raise if it is neither."""
    if isinstance(tasks, int):
        return check_positive_int("tasks", tasks)
    expected = "a number of tasks or different names"
    names = check_list("tasks", tasks, str, expected)
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"`tasks` must be {expected}. Received: tasks={tasks!r}"
        )
    return names
