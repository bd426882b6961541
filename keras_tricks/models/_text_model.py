"""What the models from raw text to labels share."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_tricks._optional import import_keras_hub


class TextModel(keras.Model):
    """Base of models that take raw texts where Keras takes arrays.

    A subclass makes the graph, keeps its arguments, and says what `"auto"`
    losses and metrics are. Its preprocessor has `tokenize` and `label`.
    """

    backbone: Any
    preprocessor: Any

    def auto_loss(self) -> Any:
        """What `compile(loss="auto")` is."""
        raise NotImplementedError

    def auto_metrics(self) -> Any:
        """What `compile(metrics="auto")` is."""
        raise NotImplementedError

    def compile(
        self,
        optimizer: Any = "auto",
        loss: Any = "auto",
        *,
        metrics: Any = "auto",
        **kwargs: Any,
    ) -> None:
        """Configure training as `keras.Model.compile` does.

        Args:
            optimizer: `"auto"` is `AdamW(5e-5)`, for a pretrained encoder; one
                trained from scratch wants 1e-3 or so. Defaults to `"auto"`.
            loss: `"auto"` is what the class says. Defaults to `"auto"`.
            metrics: `"auto"` is what the class says. Defaults to `"auto"`.
            **kwargs: Further arguments of `keras.Model.compile`.
        """
        super().compile(
            optimizer=_auto(optimizer, lambda: keras.optimizers.AdamW(5e-5)),
            loss=_auto(loss, self.auto_loss),
            metrics=_auto(metrics, self.auto_metrics),
            **kwargs,
        )

    def compile_from_config(self, config: dict) -> None:
        # Keras leaves this to models with a `compile` of their own.
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        *,
        sample_weight: Any = None,
        validation_data: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Train as `keras.Model.fit` does, on texts and their labels.

        Args:
            x: List of texts; or features, or a dataset of features and labels.
                Defaults to `None`.
            y: For each text what its preprocessor takes; or labels. Defaults
                to `None`.
            sample_weight: Optional, one weight per text. Defaults to `None`.
            validation_data: Optional, a pair like `(x, y)` or a dataset.
                Defaults to `None`.
            **kwargs: Further arguments of `keras.Model.fit`.
        """
        x, y, sample_weight = self._prepare(x, y, sample_weight)
        if isinstance(validation_data, (tuple, list)):
            validation_data = self._prepare(*validation_data)
        return super().fit(
            x,
            y,
            sample_weight=sample_weight,
            validation_data=validation_data,
            **kwargs,
        )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        *,
        sample_weight: Any = None,
        **kw: Any,
    ) -> Any:
        """Evaluate as `keras.Model.evaluate` does, on texts and labels."""
        x, y, sample_weight = self._prepare(x, y, sample_weight)
        return super().evaluate(x, y, sample_weight=sample_weight, **kw)

    def predict(self, x: Any, **kwargs: Any) -> Any:
        """Scores of texts or features, as `keras.Model.predict` gives them."""
        return super().predict(self._prepare(x)[0], **kwargs)

    def _scores_in_batches(
        self, features: dict, batch_size: int
    ) -> Iterator[Any]:
        """Yield scores of rows, each batch compiled for one shape."""
        num_rows = len(features["token_ids"])
        names = [tensor.name for tensor in self.inputs]
        for start in range(0, num_rows, batch_size):
            rows = np.arange(start, start + batch_size)
            batch = {n: features[n][rows % num_rows] for n in names}
            left = slice(num_rows - start)
            yield keras.tree.map_structure(
                lambda scores, left=left: np.asarray(scores)[left],
                self.predict_on_batch(batch),
            )

    def _prepare(self, x: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Preprocess texts and labels; leave anything else as it is."""
        if not _holds_texts(x):
            return x, y, sample_weight
        tokenized = self.preprocessor.tokenize(x)
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight)[tokenized.rows]
        if y is not None:
            y = self.preprocessor.label(x, y, tokenized)
        names = [tensor.name for tensor in self.inputs]
        return {n: tokenized.features[n] for n in names}, y, sample_weight

    def save_assets(self, folder: str) -> None:
        """Write the tokenizer's files into the saved model."""
        self.preprocessor.save_assets(folder)

    def load_assets(self, folder: str) -> None:
        """Read the tokenizer's files from the saved model."""
        self.preprocessor.load_assets(folder)

    def get_config(self) -> dict:
        # Not chained: a functional model's config describes its graph, which
        # the constructor makes anew.
        return {
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "preprocessor": keras.saving.serialize_keras_object(
                self.preprocessor
            ),
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls, config: dict, custom_objects: dict | None = None
    ) -> Any:
        if "keras_hub" in str(config["backbone"].get("registered_name")):
            import_keras_hub()
        nested = {
            name: keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
            for name in ("backbone", "preprocessor")
        }
        return cls(**{**config, **nested})


def _auto(value: Any, default: Any) -> Any:
    return default() if isinstance(value, str) and value == "auto" else value


def _holds_texts(x: Any) -> bool:
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "US" or (x.dtype == object and x.ndim == 1)
    return isinstance(x, (list, tuple)) and any(isinstance(t, str) for t in x)
