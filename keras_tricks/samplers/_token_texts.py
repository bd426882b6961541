"""Tokenizer → the bytes that each of its tokens stands for."""

import re
from collections.abc import Sequence
from typing import Any

from keras_tricks._optional import import_keras_hub


def token_texts(
    tokens: Any, vocabulary_size: int, end_token_id: int
) -> list[bytes]:
    """The bytes of each token; special ones and those beyond have none.

    Args:
        tokens: KerasHub byte-pair or SentencePiece tokenizer, or the text of
            each token, by its id.
        vocabulary_size: Tokens that the model has scores for.
        end_token_id: A special token.
    """
    if isinstance(tokens, Sequence) and not isinstance(tokens, str | bytes):
        texts = [text_of(text) for text in tokens]
    else:
        texts = texts_of_tokenizer(tokens)
    if len(texts) > vocabulary_size:
        raise ValueError(
            f"`tokens` must be at most `vocabulary_size`, {vocabulary_size}. "
            f"Received: {len(texts)} tokens"
        )
    texts += [b""] * (vocabulary_size - len(texts))
    return [b"" if n == end_token_id else text for n, text in enumerate(texts)]


def text_of(text: Any) -> bytes:
    """One token's text in UTF-8."""
    if text is None:
        return b""
    if not isinstance(text, str | bytes):
        raise ValueError(
            "`tokens` must be a string, bytes or `None` for each token. "
            f"Received: {text!r}"
        )
    return text.encode() if isinstance(text, str) else text


def texts_of_tokenizer(tokenizer: Any) -> list[bytes]:
    """The bytes of each token of a KerasHub tokenizer."""
    kinds = import_keras_hub().tokenizers
    if isinstance(tokenizer, kinds.BytePairTokenizer):
        read = read_byte_level
    elif isinstance(tokenizer, kinds.SentencePieceTokenizer):
        read = read_piece
    else:
        raise ValueError(
            "`tokens` must be a KerasHub `BytePairTokenizer` or "
            "`SentencePieceTokenizer`, or a list with the text of each token. "
            f"Received: tokens={tokenizer!r}"
        )
    special = set(tokenizer.special_token_ids)
    return [
        b"" if n in special else read(tokenizer.id_to_token(n))
        for n in range(tokenizer.vocabulary_size())
    ]


def byte_level_alphabet() -> dict[str, int]:
    """The character that byte-level vocabularies write for each byte.

    Bytes that Latin-1 prints stand for themselves, the others, in order, for
    the characters from 256 on.
    """
    printed = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = sorted(set(range(256)) - printed)
    alphabet = {chr(byte): byte for byte in printed}
    return alphabet | {chr(256 + n): byte for n, byte in enumerate(others)}


ALPHABET = byte_level_alphabet()


def read_byte_level(token: str) -> bytes:
    """What a byte-level token stands for; nothing for one that is none."""
    if any(letter not in ALPHABET for letter in token):
        return b""
    return bytes(ALPHABET[letter] for letter in token)


def read_piece(token: str) -> bytes:
    """What a SentencePiece token stands for: `▁` is a space, `<0x0A>` a byte.

    Control tokens, such as `<s>`, stand for nothing.
    """
    if re.fullmatch(r"</?[a-z]\w*>", token):
        return b""
    byte = re.fullmatch(r"<0x([0-9A-F]{2})>", token)
    if byte:
        return bytes([int(byte[1], 16)])
    return token.replace("▁", " ").encode()
