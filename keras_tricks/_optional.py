"""Optional dependencies: imported where they are used, missed in one way."""

import importlib
from typing import Any


def import_keras_hub() -> Any:
    """Import and return `keras_hub`, or say how to install it."""
    try:
        import keras_hub
    except ImportError as error:
        raise ImportError(
            "This needs KerasHub. Install it with `pip install keras-nlp` "
            "(which brings keras-hub) or `pip install keras-tricks[nlp]`."
        ) from error
    return keras_hub


def import_optional(name: str, extra: str) -> Any:
    """Import and return a package, or say how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"This needs the package `{name}`. Install it with "
            f"`pip install keras-tricks[{extra}]`."
        ) from error
