"""From text to labelled spans: an encoder, a span layer, and the way back."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_tricks._checks import check_choice
from keras_tricks._checks import check_positive_int
from keras_tricks._optional import import_keras_hub
from keras_tricks.layers.efficient_global_pointer import EfficientGlobalPointer
from keras_tricks.layers.global_pointer import GlobalPointer
from keras_tricks.losses.span_crossentropy import SpanCrossentropy
from keras_tricks.metrics.span_f1 import SpanF1
from keras_tricks.models._backbone import backbone_inputs
from keras_tricks.models._backbone import by_name
from keras_tricks.models._backbone import freeze_pooler
from keras_tricks.models._backbone import token_features
from keras_tricks.text._decode_windows import decode_windows
from keras_tricks.text.span import Span
from keras_tricks.text.span import read_texts
from keras_tricks.text.span_preprocessor import SpanPreprocessor

_HEADS = {"efficient": EfficientGlobalPointer, "standard": GlobalPointer}


@keras.saving.register_keras_serializable(package="keras_tricks")
class SpanExtractor(keras.Model):
    """Maps texts to labelled spans, nested ones included.

    A backbone, a span layer over its token features, and a preprocessor that
    turns strings and character spans into what both need. `fit`, `evaluate`
    and `predict` take raw texts and spans, or what they take in any Keras
    model if you preprocess yourself. Only tokens that hold characters of the
    text can start or end a span, so metrics count what `extract` gives.

    Args:
        backbone: A KerasHub text backbone, or any Keras model from token ids
            `(batch, length)` to features `(batch, length, features)`; several
            inputs are named `token_ids`, `segment_ids`, `padding_mask`. A
            pooler (`pooled_dense`) is frozen: it is not used.
        preprocessor: A `keras_tricks.text.SpanPreprocessor`.
        head: `"efficient"` (`EfficientGlobalPointer`) or `"standard"`
            (`GlobalPointer`). Defaults to `"efficient"`.
        head_dim: Features of the head's queries and keys. Defaults to `64`.
        **kwargs: `name` of the model.

    Call arguments:
        inputs: Dict of the backbone's inputs and `span_mask`, each an int32
            tensor `(batch, length)`, as the preprocessor gives.

    Returns:
        Scores `(batch, num_types, length, length)`.

    Raises:
        ValueError: If the backbone's inputs or outputs do not fit, or it takes
            shorter sequences than the preprocessor makes.

    Example:

    ```python
    preprocessor = SpanPreprocessor(tokenizer, ["person", "place"], 128)
    model = SpanExtractor(backbone, preprocessor)
    model.compile()
    model.fit(["Ada was born in London."], [[(0, 3, "person")]])
    model.extract(["Ada was born in London."])
    ```

    Reference:
        Su Jianlin, 2021, https://kexue.fm/archives/8373 and 2022,
        https://kexue.fm/archives/8877.
    """

    def __init__(
        self,
        backbone: Any,
        preprocessor: SpanPreprocessor,
        head: str = "efficient",
        head_dim: int = 64,
        **kwargs: Any,
    ):
        check_choice("head", head, tuple(_HEADS))
        _check_length(backbone, preprocessor)
        freeze_pooler(backbone)
        inputs = backbone_inputs(backbone)
        span_mask = keras.Input((None,), dtype="int32", name="span_mask")
        layer = _HEADS[head](
            len(preprocessor.labels),
            head_dim,
            dtype=backbone.dtype_policy,
            name="span_scores",
        )
        scores = layer(token_features(backbone, inputs), mask=span_mask)
        super().__init__(
            inputs={**by_name(inputs), "span_mask": span_mask},
            outputs=scores,
            **kwargs,
        )
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.head = head
        self.head_dim = head_dim

    @classmethod
    def from_preset(
        cls,
        preset: str,
        labels: Sequence[str],
        sequence_length: int = 128,
        overlap: int | None = None,
        **kwargs: Any,
    ) -> "SpanExtractor":
        """Make an extractor on a pretrained KerasHub encoder.

        Args:
            preset: Name, `hf://` or `kaggle://` handle, or local folder of a
                KerasHub preset of an encoder.
            labels: As in `SpanPreprocessor`.
            sequence_length: As in `SpanPreprocessor`. Defaults to `128`.
            overlap: As in `SpanPreprocessor`. Defaults to `None`.
            **kwargs: Arguments of the constructor.
        """
        keras_hub = import_keras_hub()
        tokenizer = keras_hub.models.Tokenizer.from_preset(preset)
        preprocessor = SpanPreprocessor(
            tokenizer, labels, sequence_length, overlap
        )
        backbone = keras_hub.models.Backbone.from_preset(preset)
        return cls(backbone, preprocessor, **kwargs)

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
            loss: `"auto"` is `SpanCrossentropy()`. Defaults to `"auto"`.
            metrics: `"auto"` is `[SpanF1()]`. Defaults to `"auto"`.
            **kwargs: Further arguments of `keras.Model.compile`.
        """
        super().compile(
            optimizer=_auto(optimizer, lambda: keras.optimizers.AdamW(5e-5)),
            loss=_auto(loss, SpanCrossentropy),
            metrics=_auto(metrics, lambda: [SpanF1()]),
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
        """Train as `keras.Model.fit` does, on texts and spans.

        Args:
            x: List of texts; or features, or a dataset of features and labels.
                Defaults to `None`.
            y: For each text its `(start, end, label)` spans; or labels.
                Defaults to `None`.
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
        """Evaluate as `keras.Model.evaluate` does, on texts and spans."""
        x, y, sample_weight = self._prepare(x, y, sample_weight)
        return super().evaluate(x, y, sample_weight=sample_weight, **kw)

    def predict(self, x: Any, **kwargs: Any) -> Any:
        """Scores of texts or features, as `keras.Model.predict` gives them."""
        return super().predict(self._prepare(x)[0], **kwargs)

    def extract(
        self,
        texts: Sequence[str],
        threshold: float = 0.0,
        allow_overlap: bool = True,
        batch_size: int = 32,
    ) -> list[list[Span]]:
        """Find the spans of each text.

        Args:
            texts: List of strings.
            threshold: A span is extracted where its score is above. Raise it
                for precision, lower it for recall. Defaults to `0.0`.
            allow_overlap: False keeps a flat set, the best spans first.
                Defaults to `True`.
            batch_size: Rows scored at a time. Defaults to `32`.

        Returns:
            For each text a list of `Span`, in reading order.
        """
        texts = read_texts(texts)
        check_positive_int("batch_size", batch_size)
        tokenized = self.preprocessor.tokenize(texts)
        return decode_windows(
            self._scores_in_batches(tokenized.features, batch_size),
            texts,
            tokenized,
            self.preprocessor.labels,
            threshold,
            allow_overlap,
        )

    def _scores_in_batches(self, features: dict, batch_size: int) -> Any:
        """Yield scores of rows, each batch compiled for one shape."""
        num_rows = len(features["token_ids"])
        names = [tensor.name for tensor in self.inputs]
        for start in range(0, num_rows, batch_size):
            rows = np.arange(start, start + batch_size)
            batch = {n: features[n][rows % num_rows] for n in names}
            scores = np.asarray(self.predict_on_batch(batch))
            yield scores[: num_rows - start]

    def _prepare(self, x: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Preprocess texts and spans; leave anything else as it is."""
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
            "head": self.head,
            "head_dim": self.head_dim,
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls, config: dict, custom_objects: dict | None = None
    ) -> "SpanExtractor":
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


def _check_length(backbone: Any, preprocessor: SpanPreprocessor) -> None:
    longest = getattr(backbone, "max_sequence_length", None)
    if longest is not None and preprocessor.sequence_length > longest:
        raise ValueError(
            "`preprocessor` must not make longer sequences than `backbone` "
            f"takes, {longest} tokens. Received: "
            f"sequence_length={preprocessor.sequence_length}"
        )
