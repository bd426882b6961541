"""What the replicas of a step on PyTorch tell each other."""

from typing import Any

import torch
from torch import distributed

Tensor = Any


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
