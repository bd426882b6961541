"""The first half of a text model: an encoder and what it is fed."""

from typing import Any

import keras

from keras_tricks._optional import import_keras_hub
from keras_tricks.models._backbone import backbone_inputs
from keras_tricks.models._backbone import by_name
from keras_tricks.models._backbone import freeze_pooler
from keras_tricks.models._backbone import token_features

Tensor = Any


def encode(
    backbone: Any, preprocessor: Any, mask: str = "span_mask"
) -> tuple[dict[str, Tensor], Tensor]:
    """Symbolic inputs by name, the mask among them, and token features."""
    _check_length(backbone, preprocessor)
    freeze_pooler(backbone)
    inputs = backbone_inputs(backbone)
    features = token_features(backbone, inputs)
    named = by_name(inputs)
    if mask not in named:
        named[mask] = keras.Input((None,), dtype="int32", name=mask)
    return named, features


def load_preset(preset: str) -> tuple[Any, Any]:
    """The encoder and the tokenizer of a KerasHub preset."""
    keras_hub = import_keras_hub()
    return (
        keras_hub.models.Backbone.from_preset(preset),
        keras_hub.models.Tokenizer.from_preset(preset),
    )


def load_embedder(preset: str) -> tuple[Any, Any, str]:
    """The encoder, the tokenizer and the pooling of a KerasHub preset.

    A checkpoint that was trained for sentences says how it pools, and KerasHub
    reads that for the families that have a `TextEmbedder`.
    """
    keras_hub = import_keras_hub()
    try:
        task = keras_hub.models.TextEmbedder.from_preset(preset)
    except ValueError:  # There is none for this family.
        return (*load_preset(preset), "mean")
    return task.backbone, task.preprocessor.tokenizer, task.pooling_mode


def _check_length(backbone: Any, preprocessor: Any) -> None:
    longest = getattr(backbone, "max_sequence_length", None)
    if longest is not None and preprocessor.sequence_length > longest:
        raise ValueError(
            "`preprocessor` must not make longer sequences than `backbone` "
            f"takes, {longest} tokens. Received: "
            f"sequence_length={preprocessor.sequence_length}"
        )
