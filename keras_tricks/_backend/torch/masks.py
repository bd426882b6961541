"""How PyTorch draws masks and applies them, one operation after another."""

from collections.abc import Callable
from typing import Any

import torch

Tensor = Any
# Integers of 32 bits that a core's cache holds a few times.
PIECE = 1 << 17


def scramble(x: Tensor, places: int, factor: int) -> Tensor:
    """Map int32 `x` to `(x ^ (x >>> places)) · factor`, in place."""
    # `>>` repeats the sign; its copies are cut off.
    shifted = (x >> places).bitwise_and_((1 << 32 - places) - 1)
    x = x.bitwise_xor_(shifted)
    return x if factor == 1 else x.mul_(factor)


def select(mask: Tensor, x: Tensor, divisor: float) -> Tensor:
    """`x / divisor` where a mask is true, and 0 elsewhere, whatever `x` is.

    The bits times 0 or 1. `torch.where` branches at each entry, and takes eight
    times as long where the mask has no pattern.
    """
    integer = {2: torch.int16, 4: torch.int32, 8: torch.int64}[x.itemsize]
    with torch.no_grad():
        selected = torch.mul(x.view(integer), mask).view(x.dtype)
        return selected if divisor == 1 else selected.div_(divisor)


def in_pieces(function: Callable[[int, int], Tensor], size: int) -> Tensor:
    """`function(0, size)`, which is that of its parts put together."""
    if size <= PIECE or torch.compiler.is_compiling():
        return function(0, size)
    starts = range(0, size, PIECE)
    return torch.cat([function(a, min(a + PIECE, size)) for a in starts])
