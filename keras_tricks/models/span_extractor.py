"""From text to labelled spans: an encoder, a span layer, and the way back."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_tricks._checks import check_choice
from keras_tricks._checks import check_flag
from keras_tricks._checks import check_instance
from keras_tricks._checks import check_positive_int
from keras_tricks.layers.efficient_global_pointer import EfficientGlobalPointer
from keras_tricks.layers.global_pointer import GlobalPointer
from keras_tricks.losses.span_crossentropy import SpanCrossentropy
from keras_tricks.metrics.span_f1 import SpanF1
from keras_tricks.models._encode import encode
from keras_tricks.models._encode import load_preset
from keras_tricks.models._text_model import TextModel
from keras_tricks.text._decode_windows import decode_windows
from keras_tricks.text.span import Span
from keras_tricks.text.span import read_texts
from keras_tricks.text.span_preprocessor import SpanPreprocessor

_HEADS = {"efficient": EfficientGlobalPointer, "standard": GlobalPointer}


@keras.saving.register_keras_serializable(package="keras_tricks")
class SpanExtractor(TextModel):
    """Maps texts to labelled spans, nested ones included.

    A backbone, a span layer over its token features, and a preprocessor that
    turns strings and character spans into what both need. `fit`, `evaluate`
    and `predict` take raw texts and spans, or what they take in any Keras
    model if you preprocess yourself. Only tokens that hold characters of the
    text can start or end a span, so metrics count what `extract` gives.
    `compile()` takes `AdamW(5e-5)`, `SpanCrossentropy()` and `[SpanF1()]`.

    Args:
        backbone: A KerasHub text backbone, or any Keras model from token ids
            `(batch, length)` to features `(batch, length, features)`; several
            inputs are named `token_ids`, `segment_ids`, `padding_mask`. A
            pooler (`pooled_dense`) is frozen: it is not used.
        preprocessor: A `keras_tricks.text.SpanPreprocessor`.
        head: `"efficient"` (`EfficientGlobalPointer`) or `"standard"`
            (`GlobalPointer`). Defaults to `"efficient"`.
        head_dim: Features of the head's queries and keys. Defaults to `64`.
        factored: Whether the `"efficient"` head gives the factors of its
            scores (see `EfficientGlobalPointer`): the same training and the
            same spans, in less time and memory with many types or long texts.
            Defaults to `False`.
        **kwargs: `name` of the model.

    Call arguments:
        inputs: Dict of the backbone's inputs and `span_mask`, each an int32
            tensor `(batch, length)`, as the preprocessor gives.

    Returns:
        Scores `(batch, num_types, length, length)`, or their factors.

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
        factored: bool = False,
        **kwargs: Any,
    ):
        check_choice("head", head, tuple(_HEADS))
        if check_flag("factored", factored) and head != "efficient":
            raise ValueError(
                '`factored=True` needs `head="efficient"`, the one whose '
                f"scores have factors. Received: head={head!r}"
            )
        check_instance("backbone", backbone, keras.Layer, "a Keras model")
        kind = SpanPreprocessor
        check_instance("preprocessor", preprocessor, kind, f"a {kind.__name__}")
        inputs, features = encode(backbone, preprocessor)
        layer = _HEADS[head](
            len(preprocessor.labels),
            head_dim,
            dtype=backbone.dtype_policy,
            name="span_scores",
            **({"factored": True} if factored else {}),
        )
        scores = layer(features, mask=inputs["span_mask"])
        super().__init__(inputs=inputs, outputs=scores, **kwargs)
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.head = head
        self.head_dim = head_dim
        self.factored = factored

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
        backbone, tokenizer = load_preset(preset)
        preprocessor = SpanPreprocessor(
            tokenizer, labels, sequence_length, overlap
        )
        return cls(backbone, preprocessor, **kwargs)

    def auto_loss(self) -> SpanCrossentropy:
        return SpanCrossentropy()

    def auto_metrics(self) -> list[SpanF1]:
        return [SpanF1()]

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

    def get_config(self) -> dict:
        own = {
            "head": self.head,
            "head_dim": self.head_dim,
            "factored": self.factored,
        }
        return {**super().get_config(), **own}
