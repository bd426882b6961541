"""The losses of adversarial training: scores to scalars."""

from collections.abc import Callable
from typing import Any

from keras import ops

Tensor = Any


def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Mean of max(0, 1 − f(x)) + max(0, 1 + f(y))."""
    return ops.mean(ops.relu(1 - real)) + ops.mean(ops.relu(1 + fake))


def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Mean of f(y) − f(x)."""
    return ops.mean(fake) - ops.mean(real)


def non_saturating_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Mean of −log σ(f(x)) − log σ(−f(y))."""
    return ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(fake))


def negative_scores(fake: Tensor) -> Tensor:
    """Mean of −f(y)."""
    return -ops.mean(fake)


def non_saturating_generator(fake: Tensor) -> Tensor:
    """Mean of −log σ(f(y))."""
    return ops.mean(ops.softplus(-fake))


LOSSES = {
    "hinge": (hinge_critic, negative_scores),
    "wasserstein": (wasserstein_critic, negative_scores),
    "non_saturating": (non_saturating_critic, non_saturating_generator),
}


def get_losses(loss: Any) -> tuple[Callable, Callable]:
    """The critic's and the generator's loss, by name or as given."""
    if isinstance(loss, str) and loss in LOSSES:
        return LOSSES[loss]
    if isinstance(loss, (tuple, list)) and len(loss) == 2:
        critic, generator = loss
        if callable(critic) and callable(generator):
            return critic, generator
    raise ValueError(
        f"`loss` must be one of {tuple(LOSSES)}, or two callables: the "
        "critic's, of real and fake scores, and the generator's, of fake "
        f"scores. Received: loss={loss!r}"
    )
