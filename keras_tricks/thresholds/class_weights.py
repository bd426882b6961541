"""Weights of classes: probabilities → classes."""

import dataclasses
import numbers
from typing import Any

import keras
import numpy as np

from keras_tricks._checks import check_list
from keras_tricks.thresholds._arrays import check_finite
from keras_tricks.thresholds._arrays import to_array
from keras_tricks.thresholds._decision import Decision
from keras_tricks.thresholds._decision import check_fit
from keras_tricks.thresholds._decision import is_real


@keras.saving.register_keras_serializable(package="keras_tricks")
@dataclasses.dataclass(frozen=True)
class ClassWeights(Decision):
    """Maps probabilities of classes to the class that is weightiest.

    ```
    ŷ = argmax_i p_i · t_i
    ```

    for probabilities `p` and weights `t`: a threshold for several classes. The
    lowest class wins a tie. `fit_class_weights` makes it. `save(path)` writes
    a small JSON file and `ClassWeights.load(path)` reads it; a file that was
    truncated or altered is refused, and none can run code. Keras' own saving
    takes it too.

    Args:
        weights: Finite numbers above 0, one for each class, at least two.
        metric: What they were fitted to, `"accuracy"` or `"f1"`. Defaults to
            `None`.
        score: The metric they reached, on the samples that they were fitted
            to: an optimist's figure where they are few. Defaults to `None`.

    Returns:
        An object with these three attributes, the weights as a tuple.
        `predict(probabilities)` gives integers `(...)` for an array or tensor
        `(..., classes)`.

    Raises:
        ValueError: If an argument is out of range, or the probabilities are of
            another number of classes, negative, NaN or infinite.

    Example:

    >>> from keras_tricks.thresholds import ClassWeights
    >>> rule = ClassWeights([1.0, 1.0, 3.0])
    >>> rule.predict([[0.6, 0.3, 0.1], [0.5, 0.3, 0.2]]).tolist()
    [0, 2]
    """

    weights: tuple[float, ...]
    metric: str | None = None
    score: float | None = None

    def __post_init__(self) -> None:
        expected = "at least two finite numbers above 0"
        weights = check_list("weights", self.weights, numbers.Real, expected)
        proper = all(is_real(t) and 0 < t < np.inf for t in weights)
        if len(weights) < 2 or not proper:
            raise ValueError(
                f"`weights` must be {expected}. "
                f"Received: weights={self.weights!r}"
            )
        check_fit(self.metric, self.score)
        object.__setattr__(self, "weights", tuple(map(float, weights)))

    def predict(self, probabilities: Any) -> np.ndarray:
        """Return the class of each row of probabilities, as integers."""
        p = to_array("probabilities", probabilities).astype("float64")
        if p.ndim == 0 or p.shape[-1] != len(self.weights):
            raise ValueError(
                f"`probabilities` must have the {len(self.weights)} classes "
                "that `weights` has on their last axis. Received: "
                f"probabilities of shape {p.shape}"
            )
        check_probabilities(p)
        return np.argmax(p * self.weights, axis=-1)

    def get_config(self) -> dict:
        return {
            "weights": list(self.weights),
            "metric": self.metric,
            "score": None if self.score is None else float(self.score),
        }


def check_probabilities(p: np.ndarray) -> None:
    """Raise unless all are finite and at least 0."""
    check_finite("probabilities", p)
    if (p < 0).any():
        raise ValueError(
            "`probabilities` must be at least 0; of scores, take the softmax "
            f"first. Received: probabilities down to {p.min()}"
        )
