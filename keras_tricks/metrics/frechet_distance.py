"""FrechetDistance: how far generated samples are from real ones."""

from typing import Any

import keras
from keras import ops

from keras_tricks._backend import frechet_distance
from keras_tricks._checks import check_instance
from keras_tricks._checks import check_rank

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class FrechetDistance(keras.metrics.Metric):
    """Maps real and generated samples to the distance of their features.

    For the features of each set, as their means `m₁`, `m₂` and covariances
    `C₁`, `C₂` over all batches since the last reset,

    ```
    ‖m₁ − m₂‖² + tr (C₁ + C₂ − 2 (C₁ C₂)^½)
    ```

    which is the squared Wasserstein distance of two normal distributions with
    these moments. It is 0 for equal sets, and unlike a GAN's losses it falls
    as samples get better. With features of Inception it is known as FID.

    Its value means nothing without its extractor, and falls with the number of
    samples: compare only values with the same extractor and the same number,
    of at least several times as many samples as there are features. It sees
    means and covariances alone, not copies of the training samples.

    Moments are summed in pairs of float32, and the distance is computed in
    float64, on every backend: the root of a product of nearly singular
    matrices loses half of the digits.

    Args:
        feature_extractor: Built model from samples to features
            `(batch, features)`, such as a classifier without its last layer.
        name: Name. Defaults to `"frechet_distance"`.
        dtype: Dtype of the result. Defaults to `None`.

    Call arguments:
        y_true: Real samples.
        y_pred: Generated samples.

    Returns:
        `result()` is a scalar; NaN for fewer than two samples of either set.

    Raises:
        ValueError: If features are not of rank 2, or a `sample_weight` is
            given.

    Example:

    >>> import keras
    >>> from keras_tricks.metrics import FrechetDistance
    >>> extractor = keras.Sequential(
    ...     [keras.Input((2,)), keras.layers.Identity()]
    ... )
    >>> metric = FrechetDistance(extractor)
    >>> x = keras.ops.array([[0.0, 0.0], [2.0, 0.0]])
    >>> metric.update_state(x, x + 3.0)
    >>> round(float(metric.result()), 4)
    18.0

    Reference:
        Heusel et al., 2017: https://arxiv.org/abs/1706.08500.
    """

    def __init__(
        self,
        feature_extractor: Any,
        name: str = "frechet_distance",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        check_instance(
            "feature_extractor", feature_extractor, keras.Layer, "a Keras model"
        )
        _, size = check_rank(
            "features",
            feature_extractor.output_shape,
            2,
            "(batch, features)",
        )
        self.feature_extractor = feature_extractor
        self.moments = [
            self.add_variable(shape, "zeros", "float32", name=f"{set_}_{name}")
            for set_ in ("real", "fake")
            for name, shape in (
                ("count", ()),
                ("count_low", ()),
                ("sums", (size,)),
                ("sums_low", (size,)),
                ("products", (size, size)),
                ("products_low", (size, size)),
            )
        ]

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None
    ) -> None:
        """Add a batch of real and one of generated samples."""
        if sample_weight is not None:
            raise ValueError(
                "`FrechetDistance` takes no `sample_weight`. Instead, pass it "
                "in `metrics`, not in `weighted_metrics`."
            )
        for x, moments in (
            (y_true, self.moments[:6]),
            (y_pred, self.moments[6:]),
        ):
            h = self.feature_extractor(ops.convert_to_tensor(x), training=False)
            h = ops.cast(ops.stop_gradient(h), "float32")
            self.add(moments[:2], ops.sum(ops.ones_like(h[:, 0])))
            self.add(moments[2:4], ops.sum(h, axis=0))
            self.add(moments[4:], ops.matmul(ops.transpose(h), h))

    def add(self, pair: list, value: Tensor) -> None:
        """Add to a high and a low part, without an error of rounding."""
        high, low = (v.value for v in pair)
        total = high + value
        kept = total - high
        lost = (high - (total - kept)) + (value - kept)
        pair[0].assign(total)
        pair[1].assign(low + lost)

    def result(self) -> Tensor:
        """The distance of what was seen since the last reset."""
        distance = frechet_distance([v.value for v in self.moments])
        return ops.cast(distance, self.dtype)

    def get_config(self) -> dict:
        config = super().get_config()
        extractor = keras.saving.serialize_keras_object(self.feature_extractor)
        return {**config, "feature_extractor": extractor}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        extractor = keras.saving.deserialize_keras_object(
            config["feature_extractor"]
        )
        return cls(**{**config, "feature_extractor": extractor})
