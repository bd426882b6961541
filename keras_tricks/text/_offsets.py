"""Token ids with the characters that each token covers."""

import sys
from collections.abc import Callable
from functools import cache
from typing import Any
from typing import NamedTuple

from keras_tricks.text._wordpiece import word_piece_backend


class Encoded(NamedTuple):
    """The tokens of one text.

    Attributes:
        ids: A list of integers, one per token.
        offsets: A list of pairs `(start, end)`, one per token, such that
            `text[start:end]` are the characters of the token.
    """

    ids: list[int]
    offsets: list[tuple[int, int]]


Encoder = Callable[[list[str]], list[Encoded]]


def offset_encoder(tokenizer: Any) -> Encoder:
    """Return a function that maps texts to token ids with their offsets.

    The ids are those of the tokenizer (of its Python path in keras-hub),
    without special tokens, truncation or padding. The offsets are those of
    the library that does the work, `tokenizers` or `sentencepiece`: indices
    of characters (code points) in the text as it was given, the end
    exclusive. Whitespace around a token is not counted in.

    - A token of whitespace only has an empty offset, `start == end`.
    - Where several tokens share a character, such as the bytes of an emoji
      or the three tokens of '½', `tokenizers` gives that character to each
      of them; `sentencepiece` gives it to the last and an empty offset to
      the others.
    - Accents written as characters of their own may lie outside of the
      offset of the token before them.
    - A character that the tokenizer drops belongs to no token.

    Args:
        tokenizer: A `tokenizers.Tokenizer`, or a keras-hub
            `BytePairTokenizer`, `WordPieceTokenizer` or
            `SentencePieceTokenizer`, or an instance of a subclass, such as
            `keras_hub.models.BertTokenizer`. It is not changed.

    Returns:
        A function of a list of strings that returns one `Encoded` each.

    Raises:
        TypeError: If the tokenizer is of another kind.
        ValueError: If the tokenizer has no vocabulary yet, or is a
            `WordPieceTokenizer` with `split=False`.

    Example:

    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> vocabulary = {"[UNK]": 0, "in": 1, "Par": 2, "##is": 3}
    >>> tokenizer = Tokenizer(models.WordPiece(vocabulary))
    >>> tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> offset_encoder(tokenizer)(["in Paris"])
    [Encoded(ids=[1, 2, 3], offsets=[(0, 2), (3, 6), (6, 8)])]
    """
    # Whoever holds a tokenizer has imported its library: no need to do it.
    library = sys.modules.get("tokenizers")
    if library and isinstance(tokenizer, library.Tokenizer):
        return _tokenizers_encoder(tokenizer)
    hub = sys.modules.get("keras_hub")
    if hub and isinstance(tokenizer, hub.tokenizers.Tokenizer):
        return _keras_hub_encoder(tokenizer, hub.tokenizers)
    raise _not_supported(tokenizer)


def _keras_hub_encoder(tokenizer: Any, kinds: Any) -> Encoder:
    if isinstance(tokenizer, kinds.WordPieceTokenizer):
        return _word_piece_encoder(tokenizer)
    if isinstance(tokenizer, kinds.BytePairTokenizer):
        return _tokenizers_encoder(_byte_pair_backend(tokenizer))
    if isinstance(tokenizer, kinds.SentencePieceTokenizer):
        return _sentence_piece_encoder(tokenizer)
    raise _not_supported(tokenizer)


def _not_supported(tokenizer: Any) -> TypeError:
    return TypeError(
        "`tokenizer` must be a `tokenizers.Tokenizer`, or a keras-hub "
        "`BytePairTokenizer`, `WordPieceTokenizer` or "
        "`SentencePieceTokenizer`. For another one, pass the "
        "`tokenizers.Tokenizer` that does the same, such as the "
        "`backend_tokenizer` of a fast tokenizer of transformers. "
        f"Received: tokenizer={tokenizer!r} of type {type(tokenizer)}"
    )


def _tokenizers_encoder(tokenizer: Any) -> Encoder:
    def encode(texts: list[str]) -> list[Encoded]:
        # Looked up at each call: it can be switched on at any time.
        nonlocal tokenizer
        if tokenizer.truncation or tokenizer.padding:
            tokenizer = _whole(tokenizer)
        found = tokenizer.encode_batch(texts, add_special_tokens=False)
        return [
            _encoded(text, one.ids, one.offsets)
            for text, one in zip(texts, found, strict=True)
        ]

    return encode


def _whole(tokenizer: Any) -> Any:
    """Copy a `tokenizers.Tokenizer`, without truncation and padding."""
    try:
        copy = type(tokenizer).from_str(tokenizer.to_str())
    except Exception as error:  # The library has no class for it.
        raise ValueError(
            "`tokenizer` truncates or pads, and cannot be copied to do "
            "neither. Call its `no_truncation()` and `no_padding()`. "
            f"Received: truncation={tokenizer.truncation}, "
            f"padding={tokenizer.padding}"
        ) from error
    copy.encode_special_tokens = tokenizer.encode_special_tokens
    copy.no_truncation()
    copy.no_padding()
    return copy


def _byte_pair_backend(tokenizer: Any) -> Any:
    """Return the `tokenizers.Tokenizer` inside of a keras-hub one."""
    tokenizer.vocabulary_size()  # Raises where there is no vocabulary.
    # Private, but the only exact way: subclasses build it each in its way.
    tokenizer._maybe_initialized_tokenizers()  # noqa: SLF001
    return tokenizer._tokenizer  # noqa: SLF001


def _word_piece_encoder(tokenizer: Any) -> Encoder:
    backend = word_piece_backend(tokenizer)

    def encode(texts: list[str]) -> list[Encoded]:
        # One by one: the threads of a batch would wait for Python's lock.
        found = [backend.encode(t, add_special_tokens=False) for t in texts]
        return [
            _encoded(text, one.ids, one.offsets)
            for text, one in zip(texts, found, strict=True)
        ]

    return encode


def _sentence_piece_encoder(tokenizer: Any) -> Encoder:
    from sentencepiece import SentencePieceProcessor

    tokenizer.vocabulary_size()  # Raises where there is no vocabulary.
    processor = SentencePieceProcessor(model_proto=tokenizer.proto)

    @cache
    def hub_id(index: int) -> int:
        # keras-hub may shift the ids, as XLM-RoBERTa does. The piece is that
        # of the id: '<s>' in a text is unknown, not the token '<s>'.
        return tokenizer.token_to_id(processor.id_to_piece(index))

    def encode(texts: list[str]) -> list[Encoded]:
        found = [_sentence_pieces(processor, text) for text in texts]
        return [
            _encoded(text, [hub_id(index) for index in one.ids], one.offsets)
            for text, one in zip(texts, found, strict=True)
        ]

    return encode


def _sentence_pieces(processor: Any, text: str) -> Encoded:
    """Return the ids and offsets of a text, with any `sentencepiece`."""
    if hasattr(processor, "encode_as_offset_mapping"):
        found = processor.encode_as_offset_mapping(text)
        return Encoded(found["ids"], found["offsets"])
    # Older than 0.2.2.
    pieces = processor.encode(text, out_type="immutable_proto").pieces
    return Encoded(
        [piece.id for piece in pieces],
        [(piece.begin, piece.end) for piece in pieces],
    )


def _encoded(
    text: str, ids: list[int], offsets: list[tuple[int, int]]
) -> Encoded:
    return Encoded(ids, [_trimmed(text, *span) for span in offsets])


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Move the ends of a span inwards over whitespace."""
    covered = text[start:end]
    start += len(covered) - len(covered.lstrip())
    return start, start + len(covered.strip())
