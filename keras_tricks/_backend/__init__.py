"""The few things that `keras.ops` has no word for, on the running backend.

`jax`, `tensorflow` and `torch` hold the same functions; those below pass on to
the package of the backend that runs. It is imported at the first call, so that
importing the library neither needs nor chooses one.
"""

import functools
import importlib
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

Tensor = Any


def dense(tensor: Tensor) -> Tensor:
    """The tensor itself; row slices, TensorFlow's, with equal rows summed."""
    return running().dense(tensor)


def add_in_place(variable: Any, value: Tensor) -> None:
    """Add to a variable, without a copy of it where tensors can change."""
    running().add_in_place(variable, value)


def zero_in_place(variable: Any) -> Tensor:
    """Set a variable to zero; its tensor, the same where tensors can change."""
    return running().zero_in_place(variable)


def divide_by_agreement(
    variable: Any, x: Tensor, y: Tensor, rate: float, low: float, high: float
) -> None:
    """Divide a variable by `exp(rate · sign(x) · sign(y))`, within a range."""
    running().divide_by_agreement(variable, x, y, rate, low, high)


def store_product(variable: Any, *factors: Tensor) -> Tensor:
    """Store the product of tensors; the first may be the variable's own."""
    return running().store_product(variable, *factors)


def scramble(x: Tensor, places: int, factor: int) -> Tensor:
    """Map int32 `x` to `(x ^ (x >>> places)) · factor`.

    In place where tensors can change: `x` is not to be used again. `>>>` shifts
    zeros in.
    """
    return running().scramble(x, places, factor)


def select(mask: Tensor, x: Tensor, divisor: float = 1.0) -> Tensor:
    """`x / divisor` where a mask is true, and 0 elsewhere, whatever `x` is."""
    return running().select(mask, x, divisor)


def in_pieces(function: Callable[[int, int], Tensor], size: int) -> Tensor:
    """`function(0, size)`, which is that of its parts put together.

    In pieces that stay in the processor's cache, where operations run one by
    one; what is compiled is one loop as it is.
    """
    return running().in_pieces(function, size)


def value_now(variable: Any) -> np.ndarray | None:
    """The variable's value as float64, even while a step is traced.

    None on JAX if the value is an argument of the function that is traced, and
    on TensorFlow if the variable is made in it.
    """
    return running().value_now(variable)


def train_step_by_tasks(
    model: Any, combine: Any, is_shared: list, *arguments: Any
) -> Any:
    """A training step in which each task's gradients are combined.

    Args:
        model: A compiled Keras model that keeps the tasks' losses of its last
            `compute_loss` in `task_losses`, a list of scalars.
        combine: Maps a list with, for each shared variable, a tensor of its
            gradients by the task losses, stacked, and a list of the other
            variables' gradients by their sum, to a list of one gradient for
            each trainable variable and a list of new values for
            `model.step_state`, variables that are not trained.
        is_shared: For each trainable variable whether several tasks share it.
        *arguments: What the backend gives to `train_step`.

    Returns:
        What the backend's `train_step` returns.
    """
    return running().train_step_by_tasks(model, combine, is_shared, *arguments)


def whole_batch(x: Tensor) -> Tensor:
    """The rows of all replicas of a step, those of the first replica first.

    Rows of other replicas are constants. The gradient of this replica's own is
    multiplied by the number of replicas, so that a mean of the replicas'
    gradients, which data parallel training takes, is that of the whole batch.
    All replicas have to call it, in the same order. On JAX, and where there is
    one replica, `x` is the whole batch already.
    """
    return running().whole_batch(x)


def mean_over_replicas(losses: Tensor) -> Tensor:
    """The losses of the whole batch, from those that Keras has in a replica.

    The gradient is that of this replica's own losses.
    """
    return running().mean_over_replicas(losses)


def sum_over_replicas(x: Tensor) -> Tensor:
    """The sum of a tensor over all replicas of a step, a constant."""
    return running().sum_over_replicas(x)


def input_gradient(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    layer: Any = None,
    differentiable: bool = True,
) -> tuple[Tensor, Tensor]:
    """The value of a function, and the gradient of its sum at `x`.

    Both can be differentiated again, to any order, with respect to `x` and to
    the variables that `function` reads. State that it writes (statistics,
    seeds) is written, with no tracer left in it.

    Args:
        function: From `x` to scores `(batch,)`.
        x: Float tensor `(batch, ...)`.
        layer: The layer in whose `call` this runs; losses that the function
            adds are its losses. Without one, JAX drops them.
        differentiable: Whether the results will be differentiated.
    """
    return running().input_gradient(function, x, layer, differentiable)


def gradient_norm(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    norm: Callable[[Tensor], Tensor],
    layer: Any = None,
) -> tuple[Tensor, Tensor]:
    """The value of a function, and the norm of its gradient at `x`.

    As `norm(input_gradient(function, x)[1])`, but to be differentiated **once**
    more, which JAX does in a third of the time. Inside the function of another
    `input_gradient` or `gradient_norm` it takes the general way by itself.

    Args:
        function: From `x` to scores `(batch,)`.
        x: Float tensor `(batch, ...)`.
        norm: From `(batch, ...)` to `(batch,)`, with a derivative at 0.
        layer: As for `input_gradient`.
    """
    return running().gradient_norm(function, x, norm, layer)


def linearized(
    function: Callable[[Any], Tensor], x: Any, layer: Any = None
) -> tuple[Tensor, Any, Callable[[Any], Tensor]]:
    """The value of a function at `x`, its gradient, and `v ↦ ⟨v, gradient⟩`.

    The products `(batch,)` can be differentiated with respect to `v` and, once,
    to the variables that `function` reads; the gradient itself is a constant.

    Args:
        function: From `x` to scores `(batch,)`.
        x: A float tensor `(batch, ...)`, or a list of them, which the gradient
            and `v` are then, too.
        layer: As for `input_gradient`.
    """
    return running().linearized(function, x, layer)


def prefers_second_call() -> bool:
    """Whether a net is called again in less time than differentiated again."""
    return running().PREFERS_SECOND_CALL


def uncompiled(function: Callable) -> Callable:
    """The function, left alone by PyTorch's compiler."""
    return running().uncompiled(function)


def value_and_gradients(
    function: Callable[[], tuple[Tensor, Any]], variables: Sequence[Any]
) -> tuple[Tensor, Any, list[Tensor]]:
    """What `function` returns, `(value, others)`, and the value's gradients.

    A variable that the value does not depend on has a gradient of zeros. With
    replicas, the gradients are such that `apply_gradients` takes their mean.
    """
    return running().value_and_gradients(function, list(variables))


def apply_gradients(
    optimizer: Any, gradients: Sequence[Tensor], variables: Sequence[Any]
) -> None:
    """Let a built optimizer take one step."""
    running().apply_gradients(optimizer, list(gradients), list(variables))


def run_step(model: Any, step: Callable[[Any], dict], *arguments: Any) -> Any:
    """Run `step(data)`, which reads and assigns variables, for the trainer.

    Called as `train_step` or `test_step` of a model is: with `data`, or, on
    JAX, with the state and `data`, where it returns the new state too.
    """
    return running().run_step(model, step, *arguments)


def frechet_distance(moments: Sequence[Tensor]) -> Tensor:
    """The Fréchet distance of two sets of features, in float64.

    Args:
        moments: Of each set its count, the sums of the features, and those of
            their products, each as two float32 tensors, a high and a low part.
    """
    return running().frechet_distance(list(moments))


def call_on_host(
    function: Callable[..., np.ndarray],
    shape: Sequence[Any],
    dtype: str,
    *tensors: Tensor,
) -> Tensor:
    """What a function of NumPy arrays gives, also in a compiled function.

    Raises a `NotImplementedError` where TensorFlow compiles with XLA, which has
    no place for it.

    Args:
        function: From arrays to an array, the same for the same arrays.
        shape: Shape of what it gives.
        dtype: Name of its dtype.
        *tensors: What it is called with.
    """
    return running().call_on_host(function, shape, dtype, *tensors)


@functools.cache
def running() -> Any:
    """The package of the running backend."""
    backend = keras.config.backend()
    if backend not in ("jax", "tensorflow", "torch"):
        raise RuntimeError(
            "Gradients need the backend jax, tensorflow or torch. "
            f"Received: backend={backend!r}"
        )
    return importlib.import_module(f"keras_tricks._backend.{backend}")
