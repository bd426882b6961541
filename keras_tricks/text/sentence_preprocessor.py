"""From sentences to model inputs."""

import warnings
from typing import Any

import keras
import numpy as np

from keras_tricks.text._offsets import offset_encoder
from keras_tricks.text._serialization import deserialize_tokenizer
from keras_tricks.text._serialization import serialize_tokenizer
from keras_tricks.text._special_tokens import special_tokens
from keras_tricks.text._windows import check_windows
from keras_tricks.text.span import read_texts
from keras_tricks.text.tokenized_texts import TruncatedTextWarning


@keras.saving.register_keras_serializable(package="keras_tricks")
class SentencePreprocessor:
    """Maps sentences, or pairs of them, to rows of token ids.

    One text becomes `[CLS] text [SEP]`, with the special tokens of the
    tokenizer. Two texts become `[CLS] first [SEP] second [SEP]`, for a model
    that reads both at once; where they are too long, tokens are taken off the
    end of the longer one. An encoder of single sentences, such as
    `keras_tricks.models.SentenceEncoder`, has no use for such rows.

    Rows are as long as the longest of them, so that short texts cost little.

    Args:
        tokenizer: A KerasHub tokenizer (WordPiece, byte-pair or SentencePiece)
            or a `tokenizers.Tokenizer`, as in `SpanPreprocessor`.
        sequence_length: The most tokens in a row, special tokens included.
            What follows is not read, and a `TruncatedTextWarning` says how
            many texts that concerns. Defaults to `128`.

    Call arguments:
        texts: List of strings. An empty text is a row of special tokens.
        seconds: Optional list of as many strings, the second one of each pair.

    Returns:
        A dict of int32 arrays `(rows, length)`: `token_ids`, `segment_ids`
        (1 for the tokens of the second text) and `padding_mask` (1 for tokens).

    Raises:
        TypeError: If the tokenizer is of no known kind.
        ValueError: If `sequence_length` leaves no room, a text is no string,
            or there are more texts than seconds, or fewer.

    Example:

    >>> import tokenizers
    >>> from keras_tricks.text import SentencePreprocessor
    >>> words = tokenizers.models.WordLevel(
    ...     {"[UNK]": 0, "Ada": 1, "met": 2, "Bob": 3}, unk_token="[UNK]"
    ... )
    >>> tokenizer = tokenizers.Tokenizer(words)
    >>> tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    >>> preprocessor = SentencePreprocessor(tokenizer)
    >>> preprocessor(["Ada met Bob", "Bob"])["token_ids"].tolist()
    [[1, 2, 3], [3, 0, 0]]
    """

    def __init__(self, tokenizer: Any, sequence_length: int = 128):
        self.tokenizer = tokenizer
        check_windows(sequence_length, None)
        self.sequence_length = sequence_length
        self._encode: Any = None

    def __call__(self, texts: Any, seconds: Any = None) -> dict:
        parts = [self._ids(texts)]
        if seconds is not None:
            parts.append(self._ids(seconds))
            if len(parts[0]) != len(parts[1]):
                raise ValueError(
                    "`texts` and `seconds` must be equally many. Received: "
                    f"{len(parts[0])} texts and {len(parts[1])} seconds"
                )
        special = special_tokens(self.tokenizer)
        num_special = len(special.before) + len(parts) * len(special.after)
        room = check_windows(self.sequence_length, None, num_special)
        rows = list(zip(*parts, strict=True))
        self._warn_of_truncation(rows, room)
        return _pack([_cut(row, room) for row in rows], special)

    def _ids(self, texts: Any) -> list[list[int]]:
        if self._encode is None:
            self._encode = offset_encoder(self.tokenizer)
        return [list(one.ids) for one in self._encode(read_texts(texts))]

    def _warn_of_truncation(self, rows: list, room: int) -> None:
        lengths = [sum(map(len, row)) for row in rows]
        longer = sum(length > room for length in lengths)
        if longer:
            warnings.warn(
                f"{longer} of {len(rows)} texts have more than the {room} "
                f"tokens that `sequence_length={self.sequence_length}` leaves "
                f"(the longest {max(lengths)}); what follows is not read. "
                "Raise `sequence_length` to read it.",
                TruncatedTextWarning,
                stacklevel=3,
            )

    def save_assets(self, folder: str) -> None:
        """Write the tokenizer's files; `keras.Model.save` calls it."""
        if hasattr(self.tokenizer, "save_assets"):
            self.tokenizer.save_assets(folder)

    def load_assets(self, folder: str) -> None:
        """Read the tokenizer's files; `load_model` calls it."""
        if hasattr(self.tokenizer, "load_assets"):
            self.tokenizer.load_assets(folder)
        self._encode = None

    def get_config(self) -> dict:
        """Arguments of the constructor; vocabularies travel as assets."""
        return {
            "tokenizer": serialize_tokenizer(self.tokenizer),
            "sequence_length": self.sequence_length,
        }

    @classmethod
    def from_config(cls, config: dict) -> "SentencePreprocessor":
        """Make a preprocessor from `get_config()`."""
        tokenizer = deserialize_tokenizer(config["tokenizer"])
        return cls(**{**config, "tokenizer": tokenizer})


def _cut(row: tuple[list[int], ...], room: int) -> list[list[int]]:
    """Take tokens off the longest part until all fit."""
    lengths = [len(ids) for ids in row]
    while sum(lengths) > room:
        lengths[lengths.index(max(lengths))] -= 1
    return [ids[:length] for ids, length in zip(row, lengths, strict=True)]


def _pack(rows: list[list[list[int]]], special: Any) -> dict[str, np.ndarray]:
    """Put special tokens around the parts, and padding after them."""
    packed = []
    for row in rows:
        ids, segments = list(special.before), [0] * len(special.before)
        for number, part in enumerate(row):
            whole = [*part, *special.after]
            ids += whole
            segments += [number] * len(whole)
        packed.append((ids, segments))
    # A row of no tokens at all still needs a place to be padding.
    length = max([1, *(len(ids) for ids, _ in packed)])
    shape = (len(packed), length)
    features = {
        "token_ids": np.full(shape, special.padding, "int32"),
        "segment_ids": np.zeros(shape, "int32"),
        "padding_mask": np.zeros(shape, "int32"),
    }
    for at, (ids, segments) in enumerate(packed):
        features["token_ids"][at, : len(ids)] = ids
        features["segment_ids"][at, : len(ids)] = segments
        features["padding_mask"][at, : len(ids)] = 1
    return features
