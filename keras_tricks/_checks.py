"""Arguments of public parts, checked once and in the same words."""

import math
from typing import Any


def check_positive_int(name: str, value: Any) -> int:
    """Return `value` if it is an integer of at least 1, else raise."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"`{name}` must be an integer of at least 1. "
            f"Received: {name}={value!r}"
        )
    return value


def check_choice(name: str, value: Any, choices: tuple) -> Any:
    """Return `value` if it is one of `choices`, else raise."""
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {choices}. Received: {name}={value!r}"
        )
    return value


def check_flag(name: str, value: Any) -> bool:
    """Return `value` if it is True or False, else raise."""
    if not isinstance(value, bool):
        raise ValueError(
            f"`{name}` must be True or False. Received: {name}={value!r}"
        )
    return value


def check_rank(name: str, shape: Any, rank: int, axes: str) -> tuple:
    """Return `shape` as a tuple if it has `rank` axes, else raise."""
    shape = tuple(shape)
    if len(shape) != rank:
        raise ValueError(
            f"`{name}` must have shape `{axes}`, {rank} axes. "
            f"Received: {name} of shape {shape}"
        )
    return shape


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


def check_scores(scores: Any) -> None:
    """Raise unless a critic gave one score per sample."""
    shape = tuple(scores.shape)
    if len(shape) not in (1, 2) or shape[1:] not in ((), (1,)):
        raise ValueError(
            "`discriminator` must give one score per sample. "
            f"Received: scores of shape {shape}"
        )


def is_real(value: Any) -> bool:
    """Whether `value` is a finite int or float."""
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def check_positive_range(
    name: str, bounds: tuple[float, float], value: float
) -> tuple[float, float]:
    """Return `bounds` if they are positive and hold `value`, else raise."""
    low, high = bounds
    if not 0 < low <= value <= high < math.inf:
        raise ValueError(
            f"`{name}` must be two positive numbers with the starting value "
            f"{value} between them. Received: {name}={bounds}"
        )
    return float(low), float(high)
