"""Real-valued arguments of losses, checked once and in the same words."""

import math
from typing import Any


def check_positive(name: str, value: Any) -> float:
    """Return `value` as a float if it is finite and above 0, else raise."""
    if not is_real(value) or value <= 0:
        raise ValueError(
            f"`{name}` must be a finite number above 0. "
            f"Received: {name}={value!r}"
        )
    return float(value)


def check_not_negative(name: str, value: Any) -> float:
    """Return `value` as a float if it is finite and at least 0, else raise."""
    if not is_real(value) or value < 0:
        raise ValueError(
            f"`{name}` must be a finite number of at least 0. "
            f"Received: {name}={value!r}"
        )
    return float(value)


def is_real(value: Any) -> bool:
    """Whether `value` is a finite int or float."""
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
