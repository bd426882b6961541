"""`offset_encoder`: ids as keras-hub gives them, and where they stand."""

import importlib.util
import io
import sys
from functools import cache
from types import SimpleNamespace

import keras_hub
import pytest
import sentencepiece
import tokenizers
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from keras_tricks.text import _offsets
from keras_tricks.text._offsets import offset_encoder

NASTY = [
    "",
    " ",
    " \t\r\n\u00a0\u3000 ",
    "Paris is near London, isn't it?",
    "Crème brûlée, cre\u0300me bru\u0302le\u0301e: déjà vu",
    "Straße GROẞE STRASSE ﬁne ﬃx Ǆ ŉ",
    "Ｆｕｌｌ　ｗｉｄｔｈ！ ｶﾞｷﾞ ㋿ ㈱ Å",
    "wait… ½ ¼cup x² №5 ™ ⑩",
    "zero\u200bwidth soft\u00adhyphen \ufeffbom a\u200d \u200d\u2060 \u3164x",
    "İstanbul ΐ ΑΣ ὈΔΥΣΣΕΎΣ Ꮳꮳ",
    "北京is in中国。豈更 𠀀 東京タワー \uf900a 한국어",
    "😀 👩‍👩‍👧‍👦🏽 e\ufe0f é😀a",
    "Thai " + "กำลังทดสอบภาษาไทย" * 3 + " é" + "é" * 50 + " end",
    "x" * 100 + " " + "x" * 101 + " " + "²" * 60,
    "a\tb\nc\x00d\x1ce\x85f\u00a0g\u2028h \u00a0",
    "[CLS] [MASK]Paris[SEP] [cls] <s> </s><pad> <unk>[UNK] a[b.c]ab.cd",
    "__a--b$c^d`e|f~g+h=<i> «j» ¿k? §l",
    "Z̷̢͗a̵l̶g̷o a\u0323\u0302 \u302e\u0301\u302f q\u0301",
    "\U00011935\U00011930 \U00011938 \u1fbf \u037a",
]
TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("".join(NASTY)),
    ),
    max_size=30,
)
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def word_piece(kind=keras_hub.tokenizers.WordPieceTokenizer, **kwargs):
    marks = (
        LETTERS
        + LETTERS.upper()
        + "éßσΐ.,!?'[]⁄12北京中国\uf900がギ令和\U00011938"
    )
    pieces = ["is", "in", "Paris", "paris", "lond", "##on", "##ss", "...", "İ"]
    suffixes = ["##" + mark for mark in marks]
    special = ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "b.c", "[UNK]"]
    vocabulary = dict.fromkeys([*special, *pieces, *marks, *suffixes])
    return kind(vocabulary=list(vocabulary), **kwargs)


def byte_pair(kind=keras_hub.tokenizers.BytePairTokenizer, **kwargs):
    merges = ["Ġ P", "a r", "i s", "Ġ i", "ð Ł", "å Į", "åĮ Ĺ", "Ġi s"]
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "<pad>", "</s>", "<mask>", "<|endoftext|>"]
    joined = [merge.replace(" ", "") for merge in merges]
    tokens = dict.fromkeys([*special, *sorted(alphabet), *joined])
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return kind(vocabulary=vocabulary, merges=merges, **kwargs)


@cache
def proto(**kwargs):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["Paris is in France 北京 中国 😀 é ß ."] * 3),
        model_writer=model,
        vocab_size=300,
        hard_vocab_limit=False,
        minloglevel=2,
        **kwargs,
    )
    return model.getvalue()


def sentence_piece(kind=keras_hub.tokenizers.SentencePieceTokenizer, **kwargs):
    return kind(proto=kwargs.pop("proto", proto()), **kwargs)


TOKENIZERS = {
    "word pieces": word_piece(),
    "folded word pieces": word_piece(lowercase=True, strip_accents=True),
    "lower word pieces": word_piece(lowercase=True, split_on_cjk=False),
    "word pieces with special tokens": word_piece(
        lowercase=True,
        strip_accents=True,
        special_tokens=["b.c", "[CLS]", "P"],
        special_tokens_in_strings=True,
    ),
    "other word pieces": word_piece(
        strip_accents=True, suffix_indicator="", oov_token="[MASK]"
    ),
    "Bert": word_piece(keras_hub.models.BertTokenizer, lowercase=True),
    "Bert with special tokens": word_piece(
        keras_hub.models.BertTokenizer, special_tokens_in_strings=True
    ),
    "byte pairs": byte_pair(),
    "byte pairs with a prefix": byte_pair(
        add_prefix_space=True, unsplittable_tokens=["<s>", "[CLS]"]
    ),
    "Roberta": byte_pair(keras_hub.models.RobertaTokenizer),
    "GPT2": byte_pair(keras_hub.models.GPT2Tokenizer, sequence_length=3),
    "sentence pieces": sentence_piece(),
    "sentence pieces with bytes": sentence_piece(
        proto=proto(model_type="bpe", byte_fallback=True)
    ),
    "XLMRoberta": sentence_piece(keras_hub.models.XLMRobertaTokenizer),
    "Albert": sentence_piece(
        keras_hub.models.AlbertTokenizer,
        proto=proto(
            unk_piece="<unk>",
            pad_id=0,
            unk_id=1,
            bos_id=2,
            eos_id=3,
            bos_piece="[CLS]",
            eos_piece="[SEP]",
            user_defined_symbols="[MASK]",
        ),
    ),
}
ENCODERS = {name: offset_encoder(TOKENIZERS[name]) for name in TOKENIZERS}
every_family = pytest.mark.parametrize("name", TOKENIZERS)


def keras_hub_ids(tokenizer, text):
    """The ids of keras-hub's Python path, whatever the backend is."""
    length, tokenizer.sequence_length = tokenizer.sequence_length, None
    for path in ("_tokenize_python", "_tokenize_tokenizers", "_tokenize_spm"):
        if hasattr(tokenizer, path):
            ids = getattr(tokenizer, path)([text])[0]
    tokenizer.sequence_length = length
    return [int(index) for index in ids]


def backend_tokenizer():
    vocabulary = {"[UNK]": 0, "a": 1, "b": 2, "[CLS]": 3, "paris": 4}
    model = tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A", special_tokens=[("[CLS]", 3)]
    )
    return tokenizer


@every_family
def test_ids_are_those_of_keras_hub(name):
    for text, encoded in zip(NASTY, ENCODERS[name](NASTY), strict=True):
        assert encoded.ids == keras_hub_ids(TOKENIZERS[name], text), text


@every_family
@settings(deadline=None, max_examples=100, derandomize=True)
@given(text=TEXTS)
def test_ids_are_those_of_keras_hub_on_any_text(name, text):
    [encoded] = ENCODERS[name]([text])
    assert encoded.ids == keras_hub_ids(TOKENIZERS[name], text)
    check_offsets(text, encoded)


def check_offsets(text, encoded):
    assert len(encoded.ids) == len(encoded.offsets)
    starts = [start for start, _ in encoded.offsets]
    assert starts == sorted(starts)
    for start, end in encoded.offsets:
        assert 0 <= start <= end <= len(text)
        assert text[start:end] == text[start:end].strip()


@every_family
def test_offsets_are_ordered_and_trimmed(name):
    for text, encoded in zip(NASTY, ENCODERS[name](NASTY), strict=True):
        check_offsets(text, encoded)


@every_family
def test_an_ascii_token_stands_where_it_is_written(name):
    text = "Paris is\n in  London "
    [(ids, offsets)] = ENCODERS[name]([text])
    for index, (start, end) in zip(ids, offsets, strict=True):
        token = TOKENIZERS[name].id_to_token(index)
        if token[0] not in "<[":  # Neither unknown nor a byte.
            written = text[start:end].lower()
            assert token.strip("#Ġ▁Ċ").lower() == written
    assert "".join(text[s:e] for s, e in offsets) == "ParisisinLondon"


@every_family
@pytest.mark.parametrize("word", ["Paris", "北京"])
def test_offsets_count_code_points(name, word):
    text = f"😀 𝒳👩‍👧 {word}, 😀 in {word}"
    [(_, offsets)] = ENCODERS[name]([text])
    for at in (text.index(word), text.rindex(word)):
        end = at + len(word)
        inside = [s for s in offsets if s[0] < end and s[1] > at]
        assert inside[0][0] == at
        assert inside[-1][1] == end


@every_family
def test_no_text_and_empty_texts_have_no_tokens(name):
    assert ENCODERS[name]([]) == []
    assert ENCODERS[name](["", ""]) == [([], []), ([], [])]


@every_family
def test_a_long_text_is_its_sentences_one_after_another(name):
    sentence = "Paris, 北京 ½ 😀 in e\u0301!\n"
    [once, many] = ENCODERS[name]([sentence, sentence * 50])
    assert many.ids == keras_hub_ids(TOKENIZERS[name], sentence * 50)
    check_offsets(sentence * 50, many)
    covered = {span for span in once.offsets if span[0] < span[1]}
    shift = 25 * len(sentence)
    shifted = {(start - shift, end - shift) for start, end in many.offsets}
    assert covered <= shifted


def test_tokens_that_share_a_character_share_its_offset():
    text = "😀 Straße ½ wait… é e\u0301"
    [(ids, offsets)] = ENCODERS["lower word pieces"]([text])
    tokens = [TOKENIZERS["lower word pieces"].id_to_token(i) for i in ids]
    written = [text[start:end] for start, end in offsets]
    assert " ".join(tokens[:10]) == "[UNK] s ##t ##r ##a ##ss ##e 1 ##⁄ ##2"
    assert " ".join(written) == "😀 S t r a ß e ½ ½ ½ w a i t … é e"


def test_an_overlong_word_is_one_unknown_token():
    text = "a " + "é" * 51 + " b"
    assert ENCODERS["word pieces"]([text])[0].offsets == [
        (0, 1),
        (2, 53),
        (54, 55),
    ]


def test_a_bytewise_emoji():
    text = "a 😀b"
    [pairs] = ENCODERS["byte pairs"]([text])
    assert pairs.offsets == [(0, 1), (2, 2), (2, 3), (2, 3), (2, 3), (3, 4)]
    [pieces] = ENCODERS["sentence pieces with bytes"](["a 🦊b"])
    assert pieces.offsets[-5:] == [(2, 2), (2, 2), (2, 2), (2, 3), (3, 4)]


def test_a_tokenizer_that_truncates_is_neither_obeyed_nor_changed():
    tokenizer = backend_tokenizer()
    encode = offset_encoder(tokenizer)
    whole = [([1, 4, 2], [(0, 1), (2, 7), (8, 9)]), ([2], [(1, 2)])]
    assert encode(["A Paris b", " b"]) == whole
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=9)
    assert encode(["A Paris b", " b"]) == whole
    assert offset_encoder(tokenizer)(["A Paris b", " b"]) == whole
    assert tokenizer.truncation["max_length"] == 2
    assert tokenizer.padding["length"] == 9


def test_a_copy_reads_special_tokens_as_the_original_does():
    tokenizer = backend_tokenizer()
    tokenizer.add_special_tokens(["[CLS]"])
    tokenizer.encode_special_tokens = True
    whole = offset_encoder(tokenizer)(["a [CLS] b"])
    tokenizer.enable_truncation(2)
    assert offset_encoder(tokenizer)(["a [CLS] b"]) == whole
    assert 3 not in whole[0].ids


def test_a_truncating_tokenizer_that_cannot_be_copied_says_what_to_do():
    tokenizer = backend_tokenizer()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.PreTokenizer.custom(
        SimpleNamespace(pre_tokenize=lambda pretokenized: None)
    )
    encode = offset_encoder(tokenizer)
    assert encode(["a"]) == [([1], [(0, 1)])]
    tokenizer.enable_truncation(2)
    with pytest.raises(ValueError, match="no_truncation"):
        encode(["a"])


def test_added_marks_of_a_sentence_are_left_out():
    plain = ENCODERS["sentence pieces"](NASTY)
    marked = sentence_piece(add_bos=True, add_eos=True, sequence_length=2)
    assert offset_encoder(marked)(NASTY) == plain


def test_an_older_sentencepiece_gives_the_same():
    piece = SimpleNamespace(id=7, begin=0, end=3)
    proto = SimpleNamespace(pieces=[piece])
    older = SimpleNamespace(encode=lambda text, out_type: proto)
    assert _offsets._sentence_pieces(older, "abc") == ([7], [(0, 3)])


def test_the_module_needs_neither_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    assert offset_encoder(backend_tokenizer())(["a"])[0].ids == [1]
    for library in ("tokenizers", "sentencepiece", "regex"):
        monkeypatch.setitem(sys.modules, library, None)
    spec = importlib.util.find_spec(_offsets.__name__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(TypeError, match="tokenizers"):
        module.offset_encoder("bert")


@pytest.mark.parametrize(
    "tokenizer", ["bert", None, keras_hub.tokenizers.ByteTokenizer()]
)
def test_another_tokenizer_is_refused_by_name(tokenizer):
    with pytest.raises(TypeError, match="Received: tokenizer="):
        offset_encoder(tokenizer)


@pytest.mark.parametrize(
    "tokenizer",
    [
        keras_hub.tokenizers.WordPieceTokenizer(),
        keras_hub.tokenizers.BytePairTokenizer(),
        keras_hub.tokenizers.SentencePieceTokenizer(),
    ],
)
def test_a_tokenizer_without_vocabulary_is_refused(tokenizer):
    with pytest.raises(ValueError, match="No vocabulary has been set"):
        offset_encoder(tokenizer)


def test_a_tokenizer_of_words_is_refused():
    with pytest.raises(ValueError, match="Received: split=False"):
        offset_encoder(word_piece(split=False))
