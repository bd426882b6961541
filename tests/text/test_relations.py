"""Relations: labels of tokens, decoding of scores, counts on texts."""

import itertools
import json
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.text import LostRelationWarning
from keras_tricks.text import Relation
from keras_tricks.text import RelationPreprocessor
from keras_tricks.text import Span
from keras_tricks.text import TruncatedTextWarning
from keras_tricks.text import _relation_links
from keras_tricks.text import decode_relations
from keras_tricks.text import score_relations
from keras_tricks.text.relation import sort_relations
from tests.text.vocabularies import bert_tokenizer
from tests.text.vocabularies import word_tokenizer

PREDICATES = ["born in", "met"]
TEXT = "Ada was born in New York and met Bob."
BORN = ((0, 3), "born in", (16, 24))
MET = ((0, 3), "met", (33, 36))


def bert(sequence_length=12, overlap=None):
    return RelationPreprocessor(
        bert_tokenizer(), PREDICATES, sequence_length, overlap
    )


def listed(labels):
    """The rows of each text that are no padding."""
    return {
        name: [
            [row for row in of_row if row != [-1, -1, -1]] for of_row in all_
        ]
        for name, all_ in ((n, v.tolist()) for n, v in labels.items())
    }


def test_labels_ends_by_tokens_and_links_by_first_and_last_tokens():
    # Tokens: [CLS] ada was born in new york and met bob . [SEP]
    x, y = bert()([TEXT, "Ada"], [[BORN, MET, BORN], []])
    assert set(x) == {"token_ids", "segment_ids", "padding_mask", "span_mask"}
    assert listed(y) == {
        "entities": [[[0, 1, 1], [1, 5, 6], [1, 9, 9]], []],
        "heads": [[[0, 1, 5], [1, 1, 9]], []],
        "tails": [[[0, 1, 6], [1, 1, 9]], []],
    }
    assert all(v.dtype == np.int32 for v in y.values())
    assert y["entities"].shape == (2, 3, 3)
    assert y["heads"].shape == y["tails"].shape == (2, 2, 3)


def test_without_relations_it_gives_the_features_alone():
    x = bert()([TEXT])
    np.testing.assert_array_equal(
        x["token_ids"], bert().tokenize([TEXT])[0]["token_ids"]
    )
    _, y = bert()([], [])
    assert {v.shape for v in y.values()} == {(0, 1, 3)}


def test_reads_mappings_and_longer_tuples():
    same = [
        {"subject": (0, 3), "predicate": "born in", "object": (16, 24)},
        {
            "subject": {"start": 0, "end": 3},
            "predicate": "born in",
            "object": Span(16, 24, "place", "New York", 3.0),
        },
        (np.array([0, 3]), "born in", [16, 24, "place"], 0.9, "more"),
        Relation(Span(0, 3, "subject"), "born in", Span(16, 24, "object")),
    ]
    for one in same:
        _, y = bert()([TEXT], [[one]])
        assert listed(y)["heads"] == [[[0, 1, 5]]]
        assert listed(y)["tails"] == [[[0, 1, 6]]]


def test_a_subject_may_be_its_own_object_or_hold_it():
    _, y = bert()(
        ["New York"], [[((0, 8), "met", (0, 8)), ((0, 8), "born in", (4, 8))]]
    )
    assert listed(y) == {
        "entities": [[[0, 1, 2], [1, 1, 2], [1, 2, 2]]],
        "heads": [[[1, 1, 1], [0, 1, 2]]],
        "tails": [[[1, 2, 2], [0, 2, 2]]],
    }


def test_counts_and_lists_what_cannot_be_shown():
    # Tokens: un ##able ada met bob: "nable" starts inside a token.
    texts = ["unable Ada met Bob", "Ada"]
    relations = [
        [((1, 6), "met", (15, 18)), ((7, 10), "met", (15, 18))],
        [((0, 3), "met", (0, 2))],
    ]
    with pytest.warns(LostRelationWarning) as record:
        _, y = bert()(texts, relations)
    message = str(record[0].message)
    assert message.startswith("2 of 3 labelled relations cannot be learnt: ")
    assert "1 subject not on token boundaries" in message
    assert "1 object not on token boundaries" in message
    assert "('nable', 'met', 'Bob') in text 0" in message
    # The end that is shown is an entity all the same.
    assert listed(y)["entities"] == [[[1, 5, 5], [0, 3, 3]], [[0, 1, 1]]]
    assert listed(y)["heads"] == [[[1, 3, 5]], []]
    lost = bert().lost_relations(texts, relations)
    assert [(one.text, one.relation.object[:2]) for one in lost] == [
        (0, (15, 18)),
        (1, (0, 2)),
    ]
    assert lost[0].reason == "subject not on token boundaries"


def test_the_reason_is_that_of_the_subject_where_both_ends_are_lost():
    (lost,) = bert(5).lost_relations(
        ["Ada unable met Bob"], [[((5, 10), "met", (15, 18))]]
    )
    assert lost.reason == "subject not on token boundaries"


def test_truncated_texts_warn_and_lose_their_relations():
    with (
        pytest.warns(TruncatedTextWarning, match="1 of 1 texts"),
        pytest.warns(LostRelationWarning, match="object beyond the last token"),
    ):
        _, y = bert(8)([TEXT], [[BORN, MET]])
    assert listed(y)["heads"] == [[[0, 1, 5]]]
    assert listed(y)["entities"] == [[[0, 1, 1], [1, 5, 6]]]


def test_rows_of_a_long_text_show_the_relations_they_hold():
    text = "Ada met Bob and Eve met Bob"
    relations = [((0, 3), "met", (8, 11)), ((16, 19), "met", (24, 27))]
    relations.append(((0, 3), "met", (24, 27)))
    preprocessor = bert(6, overlap=1)  # Rows of 4 tokens: 0–3, 3–6.
    with pytest.warns(LostRelationWarning, match="1 subject and object in no"):
        _, y = preprocessor([text], [relations])
    assert listed(y)["heads"] == [[[1, 1, 3]], [[1, 2, 4]]]
    assert listed(y)["entities"][1] == [[0, 2, 2], [1, 4, 4]]
    (lost,) = preprocessor.lost_relations([text], [relations])
    assert lost.relation[2].text == "Bob"


@given(st.data())
def test_what_is_labelled_decodes_to_itself(data):
    words = data.draw(
        st.lists(st.sampled_from(["Ada", "met", "York", "北京"]), max_size=5)
    )
    text = " ".join(words)
    ends = list(itertools.accumulate(len(w) + 1 for w in words))
    starts = [0, *ends[:-1]]
    places = [(a, b - 1) for i, a in enumerate(starts) for b in ends[i:]] or [
        None
    ]
    drawn = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(places),
                st.sampled_from(PREDICATES),
                st.sampled_from(places),
            ),
            max_size=1 if words else 0,
        )
    )
    preprocessor = bert()
    _, y = preprocessor([text], [drawn])
    found = decode_relations(
        *one_hot(y, 12),
        [text],
        preprocessor.tokenize([text]).offsets,
        PREDICATES,
    )
    assert score_relations(found, [drawn])["precision"] == bool(drawn)
    assert [bare(one) for one in found[0]] == drawn


def one_hot(labels, length):
    """Scores of 1 where labelled, −1 elsewhere."""
    num_types = {"entities": 2, "heads": 2, "tails": 2}
    for name, rows in labels.items():
        scores = np.full((len(rows), num_types[name], length, length), -1.0)
        for row, of_row in enumerate(rows.tolist()):
            for kind, first, last in of_row:
                if kind >= 0:
                    scores[row, kind, first, last] = 1.0
        yield scores


def bare(relation):
    return (relation[0][:2], relation[1], relation[2][:2])


def literal(entities, heads, tails, text, offset, predicates, threshold):
    """Four loops over tokens and one over predicates."""
    tokens = [t for t, (a, b) in enumerate(offset) if b > a]
    best = {}
    for i, k, j, m in itertools.product(tokens, repeat=4):
        if offset[k][1] <= offset[i][0] or offset[m][1] <= offset[j][0]:
            continue
        for p, predicate in enumerate(predicates):
            needed = entities[0, i, k], entities[1, j, m]
            needed += heads[p, i, j], tails[p, k, m]
            if min(needed) > threshold:
                key = (
                    (offset[i][0], offset[k][1]),
                    predicate,
                    (offset[j][0], offset[m][1]),
                )
                best[key] = max(best.get(key, -np.inf), min(needed))
    return best


@given(st.integers(0, 10_000))
def test_decodes_as_the_literal_loops(seed):
    rng = np.random.default_rng(seed)
    text = "abcdef"
    # Without characters: the first. The same characters twice: the last two.
    offset = [(0, 0), (0, 1), (1, 3), (3, 4), (4, 6), (4, 6)]
    scores = [rng.normal(-0.4, 1, (1, n, 6, 6)) for n in (2, 3, 3)]
    threshold = float(rng.choice([0.0, 0.5, -0.5]))
    (found,) = decode_relations(
        *scores, [text], [offset], ["p", "q", "r"], threshold
    )
    expected = literal(
        *(s[0] for s in scores), text, offset, ["p", "q", "r"], threshold
    )
    assert {bare(one): one.score for one in found} == expected
    assert len(found) == len(expected)
    assert found == sort_relations(found)
    for one in found:
        assert one.subject.text == text[slice(*one.subject[:2])]
        assert (one.subject.label, one.object.label) == ("subject", "object")
        assert one.score <= min(one.subject.score, one.object.score)


def everything(length, num_predicates, link):
    offsets = [[(n, n + 1) for n in range(length)]]
    entities = np.ones((1, 2, length, length), "float32")
    links = np.full((1, num_predicates, length, length), link, "float32")
    names = [str(p) for p in range(num_predicates)]
    return entities, links, links, ["x" * length], offsets, names


def test_an_untrained_model_loses_no_candidate(monkeypatch):
    (found,) = decode_relations(*everything(8, 3, 1.0))
    spans = 8 * 9 // 2
    assert len(found) == 3 * spans**2
    monkeypatch.setattr(_relation_links, "_AT_ONCE", 100)
    assert decode_relations(*everything(8, 3, 1.0)) == [found]


def test_memory_does_not_grow_with_the_pairs_that_are_not_linked():
    arguments = everything(48, 20, -1.0)
    # All at once, 2 × 20 scores of (48 · 49 / 2)² pairs are 221 MB.
    tracemalloc.start()
    try:
        assert decode_relations(*arguments) == [[]]
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()


def test_relations_come_in_reading_order():
    offsets = [[(0, 1), (1, 2), (2, 3)]]
    entities = np.full((1, 2, 3, 3), -1.0)
    entities[0, 0, 1, 1] = entities[0, 0, 0, 1] = entities[0, 0, 0, 0] = 1.0
    entities[0, 1, 2, 2] = entities[0, 1, 0, 0] = 1.0
    links = np.ones((1, 1, 3, 3))
    (found,) = decode_relations(entities, links, links, ["abc"], offsets, ["p"])
    read = [f"{one.subject.text}-{one.object.text}" for one in found]
    assert read == ["ab-a", "ab-c", "a-a", "a-c", "b-a", "b-c"]


def test_every_one_of_the_four_scores_is_needed():
    arrays = {
        "entities": np.ones((1, 2, 1, 1)),
        "heads": np.ones((1, 1, 1, 1)),
        "tails": np.ones((1, 1, 1, 1)),
    }

    def decode(threshold=0.0):
        return decode_relations(
            **arrays,
            texts=["a"],
            offsets=[[(0, 1)]],
            predicates=["p"],
            threshold=threshold,
        )[0]

    assert len(decode()) == 1
    assert decode(threshold=1.0) == []
    for name, array in arrays.items():
        for kind in range(array.shape[1]):
            array[0, kind] = 0.0
            assert decode() == [], name
            array[0, kind] = 0.5
            assert decode()[0].score == 0.5
            array[0, kind] = 1.0


def test_counts_hits_on_the_texts():
    longer = ((0, 3), "met", (33, 37))
    gold = [[BORN, MET], [MET], []]
    found = [[BORN, longer, BORN], [], []]
    result = score_relations(found, gold)
    assert result["precision"] == 1 / 2
    assert result["recall"] == 1 / 3
    assert result["f1"] == 2 / 5
    assert result["f1/born in"] == 1
    assert result["recall/met"] == 0
    turned = ((16, 24), "born in", (0, 3))
    assert score_relations([[turned]], [[BORN]])["f1"] == 0
    assert score_relations([[]], [[]])["f1"] == 0


@pytest.mark.parametrize("tokenizer", [bert_tokenizer, word_tokenizer])
def test_comes_back_from_its_config(tokenizer, tmp_path):
    one = RelationPreprocessor(tokenizer(), PREDICATES, 9, 3)
    config = json.loads(json.dumps(one.get_config()))
    again = RelationPreprocessor.from_config(config)
    one.save_assets(tmp_path)
    again.load_assets(tmp_path)
    assert again.predicates == tuple(PREDICATES)
    assert (again.sequence_length, again.overlap) == (9, 3)
    text = "Ada met Bob"
    relations = [((0, 3), "met", (8, 11))]
    for this, other in zip(
        one([text], [relations]),
        again([text], [relations]),
        strict=True,
    ):
        for name in this:
            np.testing.assert_array_equal(this[name], other[name])


@pytest.mark.parametrize(
    ("relation", "message"),
    [
        (((0, 3), "born in"), r"must be `\(subject, predicate, object\)`"),
        (((0, 3), "met", 5), r"must be `\(subject, predicate, object\)`"),
        (((0, 1.5), "met", (4, 5)), r"Received: \(\(0, 1.5\)"),
        ({"subject": (0, 3)}, r"Received: \{'subject'"),
        (("Ada", "met", "Bob"), r"Received: \('Ada'"),
        (((0, 3), "knows", (4, 5)), "predicate='knows'"),
        (((0, 3), "met", (30, 38)), r"object with start=30, end=38"),
        (((3, 3), "met", (4, 5)), r"`relations\[0\]` must lie inside its text"),
    ],
)
def test_refuses_relations_it_cannot_read(relation, message):
    with pytest.raises(ValueError, match=message):
        bert()([TEXT], [[relation]])


def test_names_the_bad_argument():
    for predicates in ("met", [], ["met", "met"]):
        with pytest.raises(ValueError, match="`predicates` must be a list"):
            RelationPreprocessor(bert_tokenizer(), predicates)
    with pytest.raises(ValueError, match="sequence_length=0"):
        bert(0)
    with pytest.raises(ValueError, match="2 lists for 1 texts"):
        bert()([TEXT], [[], []])
    with pytest.raises(ValueError, match="the relations of the same texts"):
        score_relations([[]], [[], []])
    good = everything(3, 2, 1.0)
    for at, bad in (
        (0, np.ones((1, 3, 3, 3))),
        (1, np.ones((1, 2, 3, 4))),
        (2, np.ones((1, 3, 3, 3))),
        (3, ["x", "y"]),
        (4, [[(0, 1)]]),
        (5, ["p"]),
    ):
        with pytest.raises(
            ValueError, match=r"Received: (shapes|heads of shape)"
        ):
            decode_relations(*good[:at], bad, *good[at + 1 :])
    with pytest.raises(ValueError, match="`entities` must have shape"):
        decode_relations(good[0][0], *good[1:])


def test_says_nothing_when_nothing_is_lost():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bert()([TEXT], [[BORN, MET]])
