"""KerasHub's samplers, by name, configuration or object."""

from typing import Any

from keras_tricks._optional import import_keras_hub


def find_sampler(sampler: Any) -> Any:
    """The KerasHub sampler of a name, a configuration or an object."""
    samplers = import_keras_hub().samplers
    try:
        found = samplers.get(
            sampler.lower() if isinstance(sampler, str) else sampler
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            "`sampler` must be a name, a configuration or an object of a "
            f"KerasHub sampler ({error}). Received: sampler={sampler!r}"
        ) from error
    if not callable(found) or isinstance(found, samplers.SpeculativeSampler):
        raise ValueError(
            "`sampler` must be a KerasHub sampler that generates one token at "
            f"a time. Received: sampler={sampler!r}"
        )
    return found
