"""A threshold: scores → decisions."""

import dataclasses
import math
from typing import Any

import keras
import numpy as np

from keras_tricks.thresholds._arrays import check_finite
from keras_tricks.thresholds._arrays import to_array
from keras_tricks.thresholds._decision import Decision
from keras_tricks.thresholds._decision import check_fit
from keras_tricks.thresholds._decision import is_real


@keras.saving.register_keras_serializable(package="keras_tricks")
@dataclasses.dataclass(frozen=True)
class Threshold(Decision):
    """Maps scores to decisions: positive where the score is above.

    ```
    ŷ = s > threshold
    ```

    `fit_threshold` makes it. `save(path)` writes a small JSON file and
    `Threshold.load(path)` reads it; a file that was truncated or altered is
    refused, and none can run code. Keras' own saving takes it too.

    Args:
        threshold: A number; −inf for always positive, inf for never.
        metric: What it was fitted to, `"accuracy"` or `"f1"`. Defaults to
            `None`.
        score: The metric it reached, on the samples that it was fitted to:
            an optimist's figure where they are few. Defaults to `None`.

    Returns:
        An object with these three attributes. `predict(scores)` gives flags in
        the shape of `scores`, any array or tensor of finite numbers.

    Raises:
        ValueError: If an argument is out of range, or a score is NaN or
            infinite.

    Example:

    >>> from keras_tricks.thresholds import Threshold
    >>> Threshold(0.75).predict([0.7, 0.75, 0.8]).tolist()
    [False, False, True]
    """

    threshold: float
    metric: str | None = None
    score: float | None = None

    def __post_init__(self) -> None:
        if not is_real(self.threshold) or math.isnan(self.threshold):
            raise ValueError(
                "`threshold` must be a number. "
                f"Received: threshold={self.threshold!r}"
            )
        check_fit(self.metric, self.score)

    def predict(self, scores: Any) -> np.ndarray:
        """Return flags: True where the score is above the threshold."""
        scores = to_array("scores", scores)
        check_finite("scores", scores)
        # In float64, whatever the scores are in: nothing is rounded.
        return scores.astype("float64") > self.threshold

    def get_config(self) -> dict:
        threshold = float(self.threshold)
        return {
            # JSON has no infinity.
            "threshold": str(threshold) if math.isinf(threshold) else threshold,
            "metric": self.metric,
            "score": None if self.score is None else float(self.score),
        }

    @classmethod
    def from_config(cls, config: dict) -> "Threshold":
        threshold = config["threshold"]
        if threshold in ("inf", "-inf"):
            config = {**config, "threshold": float(threshold)}
        return cls(**config)
