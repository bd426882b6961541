"""Arguments of public parts, checked once and in the same words."""

import math
import numbers
from collections.abc import Callable
from typing import Any

# What Keras' losses take.
REDUCTIONS = (
    "sum",
    "sum_over_batch_size",
    "mean",
    "mean_with_sample_weight",
    "none",
    None,
)


def check_positive_int(name: str, value: Any) -> int:
    """Return `value` if it is an integer of at least 1, else raise."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"`{name}` must be an integer of at least 1. "
            f"Received: {name}={value!r}"
        )
    return value


def check_not_negative_int(name: str, value: Any) -> int:
    """Return `value` if it is an integer of at least 0, else raise."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(
            f"`{name}` must be an integer of at least 0. "
            f"Received: {name}={value!r}"
        )
    return value


def check_choice(name: str, value: Any, choices: tuple) -> Any:
    """Return `value` if it is one of `choices`, else raise."""
    # By type too: an array has no truth, and 1 is not True.
    if not any(type(value) is type(c) and value == c for c in choices):
        raise ValueError(
            f"`{name}` must be one of {choices}. Received: {name}={value!r}"
        )
    return value


def check_number(
    name: str, value: Any, fits: Callable[[Any], bool], expected: str
) -> Any:
    """Return `value` if it is a real number that `fits`, else raise."""
    if (
        isinstance(value, bool)
        or not isinstance(value, numbers.Real)
        or not fits(value)
    ):
        raise ValueError(
            f"`{name}` must be {expected}. Received: {name}={value!r}"
        )
    return value


def check_instance(name: str, value: Any, kind: Any, expected: str) -> Any:
    """Return `value` if it is of this kind, else raise."""
    if not isinstance(value, kind):
        raise ValueError(
            f"`{name}` must be {expected}. Received: {name}={value!r}"
        )
    return value


def check_list(name: str, value: Any, kind: Any, expected: str) -> list:
    """Return `value` as a list if it is one of such items, else raise."""
    try:
        items = [] if isinstance(value, (str, bytes)) else list(value)
        wrong = isinstance(value, (str, bytes))
    except TypeError:
        items, wrong = [], True
    if wrong or not all(isinstance(item, kind) for item in items):
        raise ValueError(
            f"`{name}` must be {expected}. Received: {name}={value!r}"
        )
    return items


def check_seed(name: str, value: Any) -> Any:
    """Return `value` if Keras takes it as a seed, or None, else raise."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (whole and 0 <= value < 2**31):
        raise ValueError(
            f"`{name}` must be an integer from 0 to 2**31 - 1, or None. "
            f"Received: {name}={value!r}"
        )
    return value


def check_found(name: str, value: Any, find: Callable[[Any], Any]) -> Any:
    """What Keras finds for a name, a configuration or an object, or raise."""
    try:
        found = find(value)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}` must be a name or an object that Keras knows ({error}). "
            f"Received: {name}={value!r}"
        ) from error
    if value is not None and not callable(found):
        raise ValueError(
            f"`{name}` must be a name or an object that Keras knows. "
            f"Received: {name}={value!r}"
        )
    return found


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


def check_same_batch(y_true: Any, y_pred: Any) -> None:
    """Raise if labels and scores are known to be of batches of other sizes."""
    sizes = y_true.shape[0], y_pred.shape[0]
    if None not in sizes and sizes[0] != sizes[1]:
        raise ValueError(
            "`y_true` and `y_pred` must be of one batch. Received: y_true of "
            f"shape {tuple(y_true.shape)}, y_pred of shape "
            f"{tuple(y_pred.shape)}"
        )


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
    pair = check_list(name, bounds, numbers.Real, "two positive numbers")
    low, high = pair if len(pair) == 2 else (0.0, 0.0)
    if not 0 < low <= value <= high < math.inf:
        raise ValueError(
            f"`{name}` must be two positive numbers with the starting value "
            f"{value} between them, `initial_scale` or 1. "
            f"Received: {name}={bounds}"
        )
    return float(low), float(high)
