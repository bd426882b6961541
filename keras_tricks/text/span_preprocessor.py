"""From texts and character spans to model inputs and token labels."""

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_tricks._checks import check_list
from keras_tricks.text._align import LostSpan
from keras_tricks.text._align import align_spans
from keras_tricks.text._align import describe_lost
from keras_tricks.text._offsets import offset_encoder
from keras_tricks.text._serialization import deserialize_tokenizer
from keras_tricks.text._serialization import serialize_tokenizer
from keras_tricks.text._special_tokens import special_tokens
from keras_tricks.text._windows import check_windows
from keras_tricks.text._windows import windows
from keras_tricks.text.span import read_texts
from keras_tricks.text.tokenized_texts import TokenizedTexts
from keras_tricks.text.tokenized_texts import TruncatedTextWarning


class LostSpanWarning(UserWarning):
    """Labelled spans that the model cannot be shown."""


@keras.saving.register_keras_serializable(package="keras_tricks")
class SpanPreprocessor:
    """Maps texts and character spans to features and padded sparse labels.

    Offsets come from the library that tokenises: `tokenizers` for WordPiece
    and byte-pair tokenizers, `sentencepiece` for SentencePiece ones. The token
    ids are those that the KerasHub tokenizer itself gives.

    A span is labelled by its first and last token. White space at its ends is
    ignored. A span that starts or ends inside a token, or lies beyond the end
    of a truncated text, cannot be learnt: such spans are counted in one
    `LostSpanWarning` and listed by `lost_spans`.

    Args:
        tokenizer: A KerasHub tokenizer (WordPiece, byte-pair or SentencePiece,
            such as that of BERT, RoFormerV2, RoBERTa or XLM-R) or a
            `tokenizers.Tokenizer`.
        labels: Distinct names of the span types; the order numbers them.
        sequence_length: Tokens in a row, special tokens included. Shorter texts
            are padded. Defaults to `128`.
        overlap: What becomes of longer texts. None cuts them off, with a
            `TruncatedTextWarning`. An integer reads them in several rows, each
            repeating the last `overlap` tokens of the row before; a span that
            fits in no row is lost, so choose it longer than spans are. Defaults
            to `None`.

    Call arguments:
        texts: List of strings. An empty text is a row of special tokens.
        spans: Optional; for each text a list of `(start, end, label)` (more
            elements are ignored) or mappings with these keys; characters,
            `end` exclusive. They may nest, overlap and repeat.

    Returns:
        The features, a dict of int32 arrays `(rows, sequence_length)` (see
        `TokenizedTexts`), or with `spans` a pair of them and int32 labels
        `(rows, num_spans, 3)` of `[type, first token, last token]`, padded
        with rows of −1 to the largest number of spans in a row. There is one
        row per text unless `overlap` makes more of long ones.

    Raises:
        TypeError: If the tokenizer is of no known kind.
        ValueError: If an argument is out of range, a text is no string, or a
            span has an unknown label, no characters, or lies outside its text.

    Example:

    >>> import tokenizers
    >>> from keras_tricks.text import SpanPreprocessor
    >>> words = tokenizers.models.WordLevel(
    ...     {"[UNK]": 0, "Ada": 1, "met": 2, "Bob": 3}, unk_token="[UNK]"
    ... )
    >>> tokenizer = tokenizers.Tokenizer(words)
    >>> tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    >>> preprocessor = SpanPreprocessor(tokenizer, ["person"], 4)
    >>> x, y = preprocessor(["Ada met Bob"], [[(0, 3, "person")]])
    >>> x["token_ids"].tolist(), y.tolist()
    ([[1, 2, 3, 0]], [[[0, 0, 0]]])
    """

    def __init__(
        self,
        tokenizer: Any,
        labels: Sequence[str],
        sequence_length: int = 128,
        overlap: int | None = None,
    ):
        self.tokenizer = tokenizer
        self.labels = tuple(
            check_list("labels", labels, str, "a list of at least one name")
        )
        if not self.labels:
            raise ValueError(
                "`labels` must be a list of at least one name. "
                f"Received: labels={labels!r}"
            )
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(
                f"`labels` must be distinct. Received: labels={labels!r}"
            )
        check_windows(sequence_length, overlap)
        self.sequence_length = sequence_length
        self.overlap = overlap
        self._encode: Any = None

    def __call__(self, texts: Any, spans: Any = None) -> Any:
        tokenized = self.tokenize(texts)
        if spans is None:
            return tokenized.features
        return tokenized.features, self.label(texts, spans, tokenized)

    def tokenize(self, texts: Any) -> TokenizedTexts:
        """Map texts to rows of features with the offsets of their tokens."""
        texts = read_texts(texts)
        if self._encode is None:
            self._encode = offset_encoder(self.tokenizer)
        special = special_tokens(self.tokenizer)
        room = check_windows(
            self.sequence_length, self.overlap, special.num_tokens
        )
        encoded = self._encode(texts)
        pieces = [
            (row, first, last)
            for row, (ids, _) in enumerate(encoded)
            for first, last in windows(len(ids), room, self.overlap)
        ]
        shape = (len(pieces), self.sequence_length)
        token_ids = np.full(shape, special.padding, "int32")
        padding_mask = np.zeros(shape, "int32")
        offsets = np.zeros((*shape, 2), "int32")
        for at, (row, first, last) in enumerate(pieces):
            ids, spots = encoded[row]
            whole = [*special.before, *ids[first:last], *special.after]
            token_ids[at, : len(whole)] = whole
            padding_mask[at, : len(whole)] = 1
            begin = len(special.before)
            if last > first:
                offsets[at, begin : begin + last - first] = spots[first:last]
        self._warn_of_truncation([len(ids) for ids, _ in encoded], room)
        features = {
            "token_ids": token_ids,
            "segment_ids": np.zeros(shape, "int32"),
            "padding_mask": padding_mask,
            "span_mask": (offsets[..., 1] > offsets[..., 0]).astype("int32"),
        }
        rows = np.array([row for row, _, _ in pieces], "int64")
        return TokenizedTexts(features, offsets, rows)

    def label(
        self, texts: Any, spans: Any, tokenized: TokenizedTexts
    ) -> np.ndarray:
        """Map character spans to the labels of tokenized texts."""
        labels, lost = align_spans(texts, spans, tokenized, self.labels)
        if lost:
            total = sum(len(of_text) for of_text in spans)
            message = describe_lost(lost, total, self.sequence_length)
            warnings.warn(message, LostSpanWarning, stacklevel=3)
        return labels

    def lost_spans(self, texts: Any, spans: Any) -> list[LostSpan]:
        """List the labelled spans that the model cannot be shown, and why."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TruncatedTextWarning)
            tokenized = self.tokenize(texts)
        return align_spans(texts, spans, tokenized, self.labels)[1]

    def _warn_of_truncation(self, lengths: list[int], room: int) -> None:
        longer = sum(length > room for length in lengths)
        if self.overlap is None and longer:
            warnings.warn(
                f"{longer} of {len(lengths)} texts have more than the {room} "
                f"tokens that `sequence_length={self.sequence_length}` leaves "
                f"(the longest {max(lengths)}); what follows is not read. "
                "Raise `sequence_length`, or set `overlap` to read long texts "
                "in several rows.",
                TruncatedTextWarning,
                stacklevel=4,
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
            "labels": list(self.labels),
            "sequence_length": self.sequence_length,
            "overlap": self.overlap,
        }

    @classmethod
    def from_config(cls, config: dict) -> "SpanPreprocessor":
        """Make a preprocessor from `get_config()`."""
        tokenizer = deserialize_tokenizer(config["tokenizer"])
        return cls(**{**config, "tokenizer": tokenizer})
