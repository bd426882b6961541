"""Tokenizers in configs. Nothing that is read back can run code."""

from typing import Any

import keras

from keras_tricks._optional import import_keras_hub


def serialize_tokenizer(tokenizer: Any) -> dict:
    """A JSON description of a KerasHub tokenizer or `tokenizers.Tokenizer`."""
    if hasattr(tokenizer, "to_str"):
        return {"tokenizers": tokenizer.to_str()}
    return keras.saving.serialize_keras_object(tokenizer)


def deserialize_tokenizer(config: Any) -> Any:
    """The tokenizer of a description; any other object as it is."""
    if not isinstance(config, dict):
        return config
    if "tokenizers" in config:
        import tokenizers

        return tokenizers.Tokenizer.from_str(config["tokenizers"])
    if "keras_hub" in str(config.get("registered_name")):
        import_keras_hub()
    return keras.saving.deserialize_keras_object(config)
