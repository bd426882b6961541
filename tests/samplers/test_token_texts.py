"""What tokens stand for."""

import types

import keras_hub
import pytest

from keras_tricks.samplers import _token_texts
from keras_tricks.samplers._token_texts import token_texts


def test_lists_are_encoded_and_filled_up():
    found = token_texts(["a", b"\xff", None, "中", "end"], 6, 4)
    assert found == [b"a", b"\xff", b"", "中".encode(), b"", b""]


def test_byte_level_tokens_are_bytes():
    tokenizer = keras_hub.tokenizers.BytePairTokenizer(
        vocabulary={
            "a": 0,
            "Ġb": 1,
            "Ċ": 2,
            "ä¸Ń": 3,
            "<e>": 4,
            "中": 5,
            "aĊ": 6,
        },
        merges=["a Ċ"],
    )
    found = token_texts(tokenizer, 7, 4)
    assert found == [b"a", b" b", b"\n", "中".encode(), b"", b"", b"a\n"]


def test_all_bytes_have_a_character():
    assert sorted(_token_texts.ALPHABET.values()) == list(range(256))
    for byte, letter in ((0, "Ā"), (32, "Ġ"), (127, "ġ"), (173, "Ń")):
        assert _token_texts.ALPHABET[letter] == byte


def test_special_tokens_of_a_tokenizer_are_no_text():
    tokenizer = keras_hub.models.GPT2Tokenizer(
        vocabulary={"a": 0, "<|endoftext|>": 1, "b": 2, "ab": 3},
        merges=["a b"],
    )
    assert token_texts(tokenizer, 4, 2) == [b"a", b"", b"", b"ab"]


def test_pieces_have_spaces_bytes_and_controls():
    pieces = {
        "▁the": b" the",
        "<0x0A>": b"\n",
        "<s>": b"",
        "</s>": b"",
        "<": b"<",
    }
    for piece, text in pieces.items():
        assert _token_texts.read_piece(piece) == text


def test_names_the_bad_argument():
    with pytest.raises(ValueError, match="at most `vocabulary_size`, 1"):
        token_texts(["a", "b"], 1, 0)
    with pytest.raises(ValueError, match="bytes or `None` for each token"):
        token_texts([1], 1, 0)
    for wrong in ("abc", types.SimpleNamespace()):
        with pytest.raises(ValueError, match="`tokens` must be a KerasHub"):
            token_texts(wrong, 3, 0)
