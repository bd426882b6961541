"""PyTorch's part of `keras_tricks._backend`."""

import functools
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import torch
from torch import distributed
from torch.nn.attention import SDPBackend
from torch.nn.attention import sdpa_kernel

from keras_tricks._backend import _frechet
from keras_tricks._backend._inner_product import inner_product

Tensor = Any
# Weights' gradients of a convolution's gradient are slow here.
PREFERS_SECOND_CALL = True


def dense(tensor: Tensor) -> Tensor:
    """The tensor itself: gradients are always dense."""
    return tensor


def add_in_place(variable: Any, value: Tensor) -> None:
    """Add to a variable, without a copy of it where tensors can change."""
    with torch.no_grad():
        variable.value.add_(value)


def zero_in_place(variable: Any) -> Tensor:
    """Set a variable to zero; its tensor, the same where tensors can change."""
    with torch.no_grad():
        return variable.value.zero_()


def divide_by_agreement(
    variable: Any, x: Tensor, y: Tensor, rate: float, low: float, high: float
) -> None:
    """Divide a variable by `exp(rate · sign(x) · sign(y))`, within a range."""
    with torch.no_grad():
        divisor = x.sign().mul_(y.sign()).mul_(rate).exp_()
        variable.value.div_(divisor).clamp_(low, high)


def store_product(variable: Any, *factors: Tensor) -> Tensor:
    """Store the product of tensors; the first may be the variable's own."""
    with torch.no_grad():
        product = torch.mul(factors[0], factors[1], out=variable.value)
        for factor in factors[2:]:
            product.mul_(factor)
    return product


def value_now(variable: Any) -> np.ndarray:
    """The variable's value as float64, even while a step is traced."""
    return np.asarray(keras.ops.convert_to_numpy(variable), "float64")


def train_step_by_tasks(
    model: Any, combine: Any, is_shared: list, data: Any
) -> dict:
    """A training step in which each task's gradients are combined."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    variables = model.trainable_variables
    y_pred = model(x, training=True)
    loss = model.compute_loss(x, y, y_pred, sample_weight, training=True)
    size = keras.tree.flatten(x)[0].shape[0]
    model.metrics[0].update_state(loss, sample_weight=size)
    scaled = [model.optimizer.scale_loss(v) for v in model.task_losses]
    shared = [v.value for v, s in zip(variables, is_shared, strict=True) if s]
    others = [
        v.value for v, s in zip(variables, is_shared, strict=True) if not s
    ]
    each = [gradients_of(value, shared) for value in scaled]
    own = gradients_of(sum(scaled), others)
    with torch.no_grad():
        stacked = [torch.stack(rows) for rows in zip(*each, strict=True)]
        gradients, values = combine(averaged(stacked), averaged(own))
        for variable, value in zip(model.step_state, values, strict=True):
            variable.assign(value)
        model.optimizer.apply(gradients, variables)
    return model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)


def gradients_of(loss: Any, tensors: list) -> list:
    """The gradients of one of several losses, zero where there is none."""
    if not (tensors and loss.requires_grad):
        return [torch.zeros_like(tensor) for tensor in tensors]
    return list(
        torch.autograd.grad(
            loss,
            tensors,
            retain_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
    )


def num_processes() -> int:
    """How many processes train together, 1 without `torch.distributed`."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size()
    return 1


def averaged(tensors: list) -> list:
    """The mean of each tensor over the processes that train together."""
    count = num_processes()
    if count > 1:
        for tensor in tensors:
            distributed.all_reduce(tensor)
            tensor.div_(count)
    return tensors


def mean_over_replicas(losses: Tensor) -> Tensor:
    """Over processes; Keras leaves the losses of each as they are."""
    if num_processes() == 1:
        return losses
    (mean,) = averaged([losses.detach().clone()])
    return mean + losses - losses.detach()


def sum_over_replicas(x: Tensor) -> Tensor:
    """Over processes."""
    if num_processes() > 1:
        x = x.detach().clone()
        distributed.all_reduce(x)
    return x


def whole_batch(x: Tensor) -> Tensor:
    """The rows of all processes of `torch.distributed`."""
    count = num_processes()
    if count == 1:
        return x
    sizes = [torch.tensor(0, device=x.device) for _ in range(count)]
    distributed.all_gather(sizes, torch.tensor(len(x), device=x.device))
    # Gathered tensors have one shape.
    largest = x.new_zeros((int(max(sizes)), *x.shape[1:]))
    largest[: len(x)] = x.detach()
    rows = [torch.empty_like(largest) for _ in range(count)]
    distributed.all_gather(rows, largest)
    if x.requires_grad:
        x = x.view_as(x)
        x.register_hook(lambda gradient: gradient * count)
    parts = [part[:size] for part, size in zip(rows, sizes, strict=True)]
    parts[distributed.get_rank()] = x
    return torch.cat(parts)


@torch.compiler.disable
def input_gradient(
    function: Callable, x: Tensor, layer: Any, differentiable: bool
) -> tuple[Tensor, Tensor]:
    """By autograd, also in `predict`, where gradients are switched off.

    `torch.compile` has no second backward pass, so this runs eagerly in it;
    flash attention has none either.
    """
    outside = differentiable and torch.is_grad_enabled()
    with torch.inference_mode(False), torch.enable_grad():
        x = keras.tree.map_structure(lambda t: leaf(t, outside), x)
        with sdpa_kernel(SDPBackend.MATH):
            y = function(x)
        gradients = torch.autograd.grad(
            y.sum(),
            keras.tree.flatten(x),
            create_graph=outside,
            materialize_grads=True,
        )
    gradient = keras.tree.pack_sequence_as(x, gradients)
    if outside:
        return y, gradient
    return y.detach(), keras.tree.map_structure(torch.detach, gradient)


def leaf(x: Tensor, outside: bool) -> Tensor:
    """The tensor, or one without its past, to be differentiated by."""
    if x.is_inference():
        x = x.clone()
    return x if outside and x.requires_grad else x.detach().requires_grad_()


def gradient_norm(
    function: Callable, x: Tensor, norm: Callable, layer: Any
) -> tuple[Tensor, Tensor]:
    """Reverse over reverse, the faster way here."""
    y, gradient = input_gradient(function, x, layer, True)
    return y, norm(gradient)


def linearized(
    function: Callable, x: Any, layer: Any
) -> tuple[Tensor, Any, Callable]:
    """Reverse mode: the products are differentiated through the gradient."""
    y, gradient = input_gradient(function, x, layer, True)
    constant = keras.tree.map_structure(keras.ops.stop_gradient, gradient)
    return y, constant, functools.partial(inner_product, gradient, y.dtype)


def uncompiled(function: Callable) -> Callable:
    """What runs eagerly: it exchanges methods of layers for a while."""
    return torch.compiler.disable(function)


def value_and_gradients(
    function: Callable, variables: Sequence[Any]
) -> tuple[Tensor, Any, list[Tensor]]:
    """By autograd; nothing is accumulated in the variables.

    The gradients are the mean of those of all processes.
    """
    values = [v.value for v in variables]
    y, others = function()
    gradients = torch.autograd.grad(
        y, values, allow_unused=True, materialize_grads=True
    )
    return y.detach(), others, averaged(list(gradients))


def apply_gradients(
    optimizer: Any, gradients: Sequence[Tensor], variables: Sequence[Any]
) -> None:
    """As Keras' trainer does."""
    with torch.no_grad():
        optimizer.apply(gradients, variables)


def run_step(model: Any, step: Callable, data: Any) -> Any:
    """Run the step: the trainer needs no state."""
    return step(data)


def frechet_distance(moments: list[Tensor]) -> Tensor:
    """In NumPy; while shapes are inferred, there are no numbers."""
    if moments[0].is_meta:
        return moments[0]
    arrays = [tensor.detach().cpu().numpy() for tensor in moments]
    value = _frechet.frechet_distance(*arrays)
    return torch.as_tensor(value, device=moments[0].device)


def call_on_host(
    function: Callable, shape: Sequence[Any], dtype: str, *tensors: Tensor
) -> Tensor:
    """As everything here is eager, at once."""
    result = function(*(tensor.cpu().numpy() for tensor in tensors))
    return torch.as_tensor(result, device=tensors[0].device)
