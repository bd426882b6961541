"""What runs outside a compiled function, on PyTorch."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import torch

from keras_tricks._backend import _frechet

Tensor = Any


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
