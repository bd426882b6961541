"""SpanPreprocessor: texts and character spans → features and labels."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.text import LostSpanWarning
from keras_tricks.text import SpanPreprocessor
from keras_tricks.text import TruncatedTextWarning
from keras_tricks.text import decode_spans
from tests.text.vocabularies import WORDS
from tests.text.vocabularies import bert_tokenizer
from tests.text.vocabularies import word_tokenizer

LABELS = ["person", "place", "paper"]


def bert(sequence_length=8, overlap=None):
    return SpanPreprocessor(bert_tokenizer(), LABELS, sequence_length, overlap)


def test_makes_the_features_of_keras_hub():
    x = bert()(["Ada met Bob.", ""])
    tokenizer = bert_tokenizer()
    ids = [2, *np.array(tokenizer("Ada met Bob.")), 3]
    assert x["token_ids"].tolist() == [[*ids, 0, 0], [2, 3, 0, 0, 0, 0, 0, 0]]
    assert x["padding_mask"].sum(axis=1).tolist() == [6, 2]
    assert x["span_mask"][0].tolist() == [0, 1, 1, 1, 1, 0, 0, 0]
    assert x["span_mask"][1].sum() == 0
    assert all(v.dtype == np.int32 and v.shape == (2, 8) for v in x.values())
    assert x["segment_ids"].sum() == 0


def test_labels_first_and_last_tokens_nested_and_repeated():
    text = "The New York Times in New York"
    spans = [(4, 18, "paper"), (4, 12, "place"), (22, 30, "place")]
    spans.append(spans[0])
    _, y = bert(10)([text, "Ada"], [spans, [(0, 3, "person")]])
    assert y[0].tolist() == [[2, 2, 4], [1, 2, 3], [1, 6, 7], [2, 2, 4]]
    assert y[1].tolist() == [[0, 1, 1], *[[-1, -1, -1]] * 3]
    assert y.dtype == np.int32


def test_ignores_white_space_at_the_ends_of_a_span():
    _, y = bert()(["Ada met  Bob ."], [[(3, 13, "person"), (8, 13, "person")]])
    assert y[0].tolist() == [[0, 2, 3], [0, 3, 3]]


def test_reads_mappings_and_longer_tuples():
    given_spans = [
        {"start": 0, "end": 3, "label": "person", "confidence": 0.5},
        (0, 3, "person", "Ada", 4.5),
        (np.int64(0), np.int32(3), "person"),
    ]
    _, y = bert()(["Ada"], [given_spans])
    assert y[0].tolist() == [[0, 1, 1]] * 3


def test_without_any_span_labels_are_one_row_of_padding():
    _, y = bert()(["Ada", ""], [[], []])
    assert y.tolist() == [[[-1, -1, -1]]] * 2
    x, y = bert()([], [])
    assert x["token_ids"].shape == (0, 8)
    assert y.shape == (0, 1, 3)


def test_counts_and_lists_what_tokenisation_loses():
    texts = ["unable Ada", "Ada  met"]  # Tokens un, ##able, ada; ada, met.
    spans = [[(2, 6, "person"), (1, 6, "person")], [(3, 5, "place")]]
    with pytest.warns(LostSpanWarning) as record:
        _, y = bert()(texts, spans)
    message = str(record[0].message)
    assert message.startswith("2 of 3 labelled spans cannot be learnt: ")
    assert "1 not on token boundaries" in message
    assert "(1, 6, 'person') in text 0" in message
    assert y.tolist() == [[[0, 2, 2]], [[-1, -1, -1]]]
    lost = bert().lost_spans(texts, spans)
    assert [(one.text, one.span[:4], one.reason) for one in lost] == [
        (0, (1, 6, "person", "nable"), "not on token boundaries"),
        (1, (3, 5, "place", "  "), "only white space"),
    ]


def test_counts_and_lists_what_truncation_loses():
    text = "Ada met Bob in London and in Paris"
    spans = [(0, 3, "person"), (15, 21, "place"), (29, 34, "place")]
    with pytest.warns() as record:
        x, y = bert(6)([text], [spans])
    kinds = {warning.category for warning in record}
    assert kinds == {LostSpanWarning, TruncatedTextWarning}
    messages = " ".join(str(warning.message) for warning in record)
    assert "2 of 3 labelled spans" in messages
    assert "sequence_length=6" in messages
    assert "1 of 1 texts have more than the 4 tokens" in messages
    assert y.tolist() == [[[0, 1, 1]]]
    assert x["token_ids"][0, -1] == 3


def test_overlapping_rows_lose_no_token_and_no_short_span():
    text = " ".join(WORDS[:16])
    starts = [text.index(word) for word in WORDS[:16]]
    spans = [
        (a, b + len(word), "person")
        for a, b, word in zip(starts, starts[1:], WORDS[1:], strict=False)
    ]
    preprocessor = bert(7, overlap=2)  # Five words a row, two of them again.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, y = preprocessor([text, "Ada"], [spans, [(0, 3, "person")]])
    tokenized = preprocessor.tokenize([text, "Ada"])
    assert tokenized.rows.tolist() == [0, 0, 0, 0, 0, 1]
    seen = set(tokenized.offsets[:5].reshape(-1, 2)[:, 0].tolist())
    assert seen == set(starts)
    scores = np.full((6, 3, 7, 7), -1.0)
    for row, of_row in enumerate(y):
        for kind, first, last in of_row[of_row[:, 0] >= 0]:
            scores[row, kind, first, last] = 1
    found = decode_spans(
        scores, [text] * 5 + ["Ada"], tokenized.offsets, LABELS
    )
    assert {s[:3] for row in found[:5] for s in row} == set(spans)


def test_a_span_longer_than_the_overlap_is_reported():
    text = " ".join(WORDS[:10])
    span = (0, text.index(WORDS[6]), "person")
    preprocessor = bert(7, overlap=1)
    with pytest.warns(LostSpanWarning, match="in no single row"):
        preprocessor([text], [[span]])


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6), st.data())
def test_spans_of_whole_words_survive_the_round_trip(words, data):
    text = " ".join(words)
    starts = [sum(len(w) + 1 for w in words[:n]) for n in range(len(words))]
    pairs = st.integers(0, len(words) - 1)
    spans = set()
    for first, last in data.draw(st.lists(st.tuples(pairs, pairs), max_size=4)):
        first, last = min(first, last), max(first, last)
        label = data.draw(st.sampled_from(LABELS))
        spans.add((starts[first], starts[last] + len(words[last]), label))
    preprocessor = bert(12)
    _, y = preprocessor([text], [sorted(spans)])
    tokenized = preprocessor.tokenize([text])
    scores = np.full((1, 3, 12, 12), -1.0)
    for kind, first, last in y[0][y[0, :, 0] >= 0]:
        scores[0, kind, first, last] = 2.5
    (found,) = decode_spans(scores, [text], tokenized.offsets, LABELS)
    assert {s[:3] for s in found} == spans
    assert all(s.text == text[s.start : s.end] for s in found)


def test_takes_a_tokenizers_tokenizer_with_its_special_tokens():
    x = SpanPreprocessor(word_tokenizer(), LABELS, 6)(["Ada met Bob"])
    assert x["token_ids"][0].tolist() == [2, 4, 12, 5, 3, 0]
    x = SpanPreprocessor(word_tokenizer(False), LABELS, 6)(["Ada met Bob"])
    assert x["token_ids"][0].tolist() == [4, 12, 5, 0, 0, 0]


def test_chinese_characters_are_tokens():
    _, y = bert()(["在北京大学"], [[(1, 3, "place"), (1, 5, "place")]])
    assert y[0].tolist() == [[1, 2, 3], [1, 2, 5]]


@pytest.mark.parametrize("make", [bert_tokenizer, word_tokenizer])
def test_comes_back_from_its_config(make, tmp_path):
    before = SpanPreprocessor(make(), LABELS, 8, 2)
    before.save_assets(str(tmp_path))
    config = json.loads(json.dumps(before.get_config()))
    after = SpanPreprocessor.from_config(config)
    after.load_assets(str(tmp_path))
    assert after.get_config() == before.get_config()
    x, y = (p(["Ada met Bob"])["token_ids"].tolist() for p in (before, after))
    assert x == y


@pytest.mark.parametrize(
    ("texts", "spans", "message"),
    [
        ("Ada", [[]], "`texts` must be a list of strings"),
        (["Ada", 3], [[], []], r"texts\[1\]=3 of type int"),
        (["Ada"], [], "0 lists for 1 texts"),
        (["Ada"], [[(0, 4, "person")]], "text of 3 characters"),
        (["Ada"], [[(2, 1, "person")]], "start=2, end=1"),
        (["Ada"], [[(1, 1, "person")]], "start=1, end=1"),
        (["Ada"], [[(-1, 2, "person")]], "start=-1"),
        ([""], [[(0, 1, "person")]], "text of 0 characters"),
        (["Ada"], [[(0, 3, "thing")]], "label='thing'"),
        (["Ada"], [[(0, 3)]], r"Received: \(0, 3\)"),
        (["Ada"], [[(0.5, 3, "person")]], r"Received: \(0.5"),
        (["Ada"], [[{"start": 0}]], "mapping with these keys"),
    ],
)
def test_names_the_bad_input(texts, spans, message):
    with pytest.raises(ValueError, match=message):
        bert()(texts, spans)


@pytest.mark.parametrize(
    ("init", "message"),
    [
        (dict(labels=[]), r"labels=\[\]"),
        (dict(labels="person"), "labels='person'"),
        (dict(labels=["a", "a"]), "must be distinct"),
        (dict(sequence_length=0), "sequence_length=0"),
        (dict(overlap=8), "overlap=8"),
        (dict(overlap=-1), "overlap=-1"),
    ],
)
def test_names_the_bad_argument(init, message):
    init = {"labels": LABELS, "sequence_length": 8, **init}
    with pytest.raises(ValueError, match=message):
        SpanPreprocessor(bert_tokenizer(), **init)


def test_a_row_must_have_room_for_text():
    with pytest.raises(ValueError, match="2 special tokens"):
        bert(2)(["Ada"])
    with pytest.raises(ValueError, match="from 0 to 2"):
        bert(5, overlap=3)(["Ada"])
