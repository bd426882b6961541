"""Word pieces with offsets, for the tokenizers of keras-hub."""

import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

# keras-hub takes a word with more UTF-8 bytes than this for unknown.
_MAX_BYTES_PER_WORD = 100


class _WordPreTokenizer:
    """Split and fold a text as keras-hub does, in tracked steps.

    keras-hub works on plain strings and forgets where a word came from. Here
    each step is done by a `tokenizers.NormalizedString`, which remembers the
    original characters of each of its own. What a step has to yield is
    decided by the same Unicode tables as in keras-hub: those of Python and
    `regex`, since those in `tokenizers` are older and would change ids.

    Args:
        tokenizer: A `keras_hub.tokenizers.WordPieceTokenizer`.
    """

    def __init__(self, tokenizer: Any) -> None:
        import regex

        self.strip_accents = tokenizer.strip_accents
        self.lowercase = tokenizer.lowercase
        self.kept = _kept_tokens(tokenizer)
        self.words = regex.compile(
            _word_pattern(self.kept, tokenizer.split_on_cjk)
        )

    def pre_tokenize(self, pretokenized: Any) -> None:
        pretokenized.split(self._split)

    def _split(self, index: int, text: Any) -> list[Any]:
        if self.strip_accents and not text.normalized.isascii():
            _rewrite(text, _without_accents, type(text).nfd)
        spans = [m.span() for m in self.words.finditer(text.normalized)]
        return [self._finished(word) for word in _slices(text, spans)]

    def _finished(self, word: Any) -> Any:
        """Fold a word; make one that is too long unknown."""
        # Folded after the split: '…' is one word although it folds to '...'.
        if self.lowercase and word.normalized not in self.kept:
            if word.normalized.isascii():
                word.lowercase()
            else:
                _rewrite(word, _casefolded, type(word).nfkc)
        if len(word.normalized.encode()) > _MAX_BYTES_PER_WORD:
            # The model counts characters: enough of them for any script.
            word.append(" " * _MAX_BYTES_PER_WORD)
        return word


def word_piece_backend(tokenizer: Any) -> Any:
    """Return a `tokenizers.Tokenizer` with the ids of a keras-hub one.

    Args:
        tokenizer: A `keras_hub.tokenizers.WordPieceTokenizer`.

    Returns:
        A `tokenizers.Tokenizer`. It cannot be serialized.

    Raises:
        ValueError: If the tokenizer does not split texts, or has no
            vocabulary.
    """
    from tokenizers import Tokenizer
    from tokenizers import models
    from tokenizers import pre_tokenizers

    if not tokenizer.split:
        raise ValueError(
            "A tokenizer with `split=False` reads words, not texts, so it "
            "has no offsets. Build it with `split=True`. "
            f"Received: split={tokenizer.split}"
        )
    vocabulary = tokenizer.get_vocabulary()
    backend = Tokenizer(
        models.WordPiece(
            {token: index for index, token in enumerate(vocabulary)},
            unk_token=tokenizer.oov_token,
            continuing_subword_prefix=tokenizer.suffix_indicator,
            max_input_chars_per_word=_MAX_BYTES_PER_WORD,
        )
    )
    backend.pre_tokenizer = pre_tokenizers.PreTokenizer.custom(
        _WordPreTokenizer(tokenizer)
    )
    return backend


def _kept_tokens(tokenizer: Any) -> list[str]:
    """The tokens to keep whole, in the order in which they are tried."""
    if not tokenizer.special_tokens_in_strings:
        return []
    own = tokenizer.get_config()["special_tokens"] or []
    return [*tokenizer.special_tokens, *own]


def _word_pattern(kept: list[str], split_on_cjk: bool) -> str:
    """The regex of a word: a special token, a mark, or a run of others."""
    import regex

    # ASCII symbols such as '$' are marks too, although not of class P.
    mark = r"\p{P}$+<=>^`|~"
    if split_on_cjk:
        mark += "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
        mark += "\U00020000-\U0002a6df\U0002a700-\U0002ceaf"
        mark += "\U0002f800-\U0002fa1f"
    other = rf"[^ \p{{Cc}}\p{{Cf}}{mark}]"
    if not kept:
        return f"[{mark}]|{other}+"
    special = "|".join(regex.escape(token) for token in kept)
    return f"{special}|[{mark}]|(?:(?!{special}){other})+"


def _slices(
    text: Any, spans: list[tuple[int, int]], offset: int = 0
) -> list[Any]:
    """Slice a `NormalizedString` that begins at `offset` of the spans."""
    if len(spans) <= 32:
        return [text[start - offset : end - offset] for start, end in spans]
    # By halves: a slice takes time in proportion to what it is taken from.
    middle = len(spans) // 2
    cut = spans[middle][0]
    left, right = text[: cut - offset], text[cut - offset :]
    return [
        *_slices(left, spans[:middle], offset),
        *_slices(right, spans[middle:], cut),
    ]


def _rewrite(
    text: Any, change: Callable[[str], str], normalize: Callable[[Any], None]
) -> None:
    """Turn a `NormalizedString` into `change` of it, character by character.

    Args:
        text: A `tokenizers.NormalizedString`, changed in place.
        change: A map of strings, the wanted one.
        normalize: The method of `text` that does what `change` does between
            characters, such as composing them.
    """
    wanted = change(text.normalized)
    if wanted == text.normalized:
        return
    # All that the library knows in one pass; each replacement is another.
    normalize(text)
    for character in set(text.normalized):
        if change(character) != character:
            text.replace(character, change(character))
    normalize(text)
    if text.normalized != wanted:
        # Characters younger than the library's tables: right ids matter
        # more than offsets, which now are those of the first character.
        text.replace(text.normalized, wanted)


def _without_accents(text: str) -> str:
    text = unicodedata.normalize("NFD", text)
    return "".join(c for c in text if unicodedata.category(c) != "Mn")


def _casefolded(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold()
    text = unicodedata.normalize("NFKC", text)
    return _ignorable().sub("", text)


@cache
def _ignorable() -> Any:
    import regex

    return regex.compile(r"\p{Default_Ignorable_Code_Point}")
