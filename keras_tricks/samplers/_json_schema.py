"""Matchers of a JSON schema, by the package xgrammar."""

import json
from typing import Any

import keras

from keras_tricks._optional import import_optional
from keras_tricks.samplers._token_texts import token_texts


@keras.saving.register_keras_serializable(package="keras_tricks")
class JSONMatcher:
    """A function that returns a new matcher of JSON of a schema."""

    def __init__(
        self,
        schema: Any,
        tokens: Any,
        vocabulary_size: int,
        end_token_id: int,
    ):
        xgrammar = import_optional("xgrammar", "grammar")
        self.schema = schema if isinstance(schema, str) else json.dumps(schema)
        self.texts = token_texts(tokens, vocabulary_size, end_token_id)
        self.end_token_id = end_token_id
        information = xgrammar.TokenizerInfo(
            self.texts,
            xgrammar.VocabType.RAW,
            vocab_size=vocabulary_size,
            stop_token_ids=[end_token_id],
        )
        compiler = xgrammar.GrammarCompiler(information)
        self._grammar = compiler.compile_json_schema(self.schema)
        self._new = xgrammar.GrammarMatcher

    def __call__(self) -> Any:
        return self._new(self._grammar)

    def get_config(self) -> dict:
        # JSON has no bytes: each is the character of its number.
        texts = [text.decode("latin-1") for text in self.texts]
        end = {"end_token_id": self.end_token_id}
        return {"schema": self.schema, "texts": texts, **end}

    @classmethod
    def from_config(cls, config: dict) -> "JSONMatcher":
        texts = [text.encode("latin-1") for text in config["texts"]]
        return cls(config["schema"], texts, len(texts), config["end_token_id"])
