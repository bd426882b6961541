"""What fitted decisions share: a configuration, and a file safe to read."""

import hashlib
import json
import numbers
import os
from pathlib import Path
from typing import Any
from typing import Self

from keras_tricks._checks import check_choice

METRICS = ("accuracy", "f1")


class Decision:
    """Base of frozen dataclasses of numbers and strings."""

    def get_config(self) -> dict:
        """Return the arguments that make this object again."""
        raise NotImplementedError

    @classmethod
    def from_config(cls, config: dict) -> Self:
        """Return the object of a configuration."""
        return cls(**config)

    def save(self, path: str | os.PathLike) -> None:
        """Write a JSON file: the class, its arguments and their digest."""
        config = self.get_config()
        content = {
            "class": type(self).__name__,
            "config": config,
            "sha256": _digest(config),
        }
        text = json.dumps(content, indent=2, allow_nan=False)
        Path(path).write_text(text + "\n", "utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read what `save` wrote; nothing in a file can run code.

        Raises:
            ValueError: If the file is of another kind, or was truncated or
                altered since.
        """
        try:
            content = json.loads(Path(path).read_bytes())
            intact = content["class"] == cls.__name__ and content[
                "sha256"
            ] == _digest(content["config"])
        except (KeyError, RecursionError, TypeError, ValueError):
            intact = False
        if not intact:
            raise ValueError(
                f"`path` must be a file that `{cls.__name__}.save` wrote, and "
                f"that was not truncated or altered. Received: "
                f"path={os.fspath(path)!r}"
            )
        return cls.from_config(content["config"])


def _digest(config: dict) -> str:
    canonical = json.dumps(config, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def check_fit(metric: Any, score: Any) -> None:
    """Raise unless these are the metric and the score of a fit, or None."""
    check_choice("metric", metric, (*METRICS, None))
    if score is not None and not (is_real(score) and 0 <= score <= 1):
        raise ValueError(
            "`score` must be a number in [0, 1], or None. "
            f"Received: score={score!r}"
        )


def is_real(x: Any) -> bool:
    """Whether `x` is a Python or NumPy real number (no flag, no string)."""
    return isinstance(x, numbers.Real) and not isinstance(x, bool)
