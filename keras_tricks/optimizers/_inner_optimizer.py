"""What an optimizer must be to stand inside another, and who is told what."""

from typing import Any

import keras

from keras_tricks._checks import check_instance

BASE_ARGUMENTS = (
    "learning_rate",
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)


def refuse_base_arguments(wrapper: str, kwargs: dict) -> None:
    """Raise for each argument that belongs to the inner optimizer."""
    for name in kwargs:
        if name in BASE_ARGUMENTS:
            raise ValueError(
                f"{wrapper} has no `{name}` of its own. Instead, set it on "
                f"`inner_optimizer`. Received: {name}={kwargs[name]!r}"
            )
    if kwargs:
        raise TypeError(f"{wrapper} has no arguments {sorted(kwargs)}.")


def find_inner(inner_optimizer: Any) -> Any:
    """The optimizer of a name, a configuration or itself, or raise."""
    try:
        found = keras.optimizers.get(inner_optimizer)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            "`inner_optimizer` must be an optimizer, its name or its "
            f"configuration ({error}). Received: "
            f"inner_optimizer={inner_optimizer!r}"
        ) from error
    return check_instance(
        "inner_optimizer", found, keras.optimizers.Optimizer, "an optimizer"
    )


def refuse_inner(wrapper: str, inner_optimizer: Any) -> None:
    """Raise for an optimizer that cannot be the inner one."""
    if isinstance(inner_optimizer, keras.optimizers.LossScaleOptimizer):
        raise ValueError(
            "The loss must be scaled outside: use LossScaleOptimizer("
            f"{wrapper}(inner_optimizer)), or leave it to `compile`, which "
            "would scale the loss once and the gradients twice. "
            f"Received: inner_optimizer={inner_optimizer}"
        )
    if "is_inside_wrapper" in inner_optimizer.__dict__:
        raise ValueError(
            "`inner_optimizer` must not be inside another wrapper. Give each "
            f"its own. Received: inner_optimizer={inner_optimizer}"
        )
