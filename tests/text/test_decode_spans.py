"""decode_spans and score_spans."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.text import Span
from keras_tricks.text import decode_relations
from keras_tricks.text import decode_spans
from keras_tricks.text import score_spans

TEXT = "New York Times"
OFFSETS = np.array([[[0, 0], [0, 3], [4, 8], [9, 14], [0, 0]]])


def scores(**found):
    """Scores of −1 but where `p_1_3=2.0` says type p, first 1, last 3."""
    out = np.full((1, 2, 5, 5), -1.0)
    for key, score in found.items():
        label, first, last = key.split("_")
        out[0, "ab".index(label), int(first), int(last)] = score
    return out


def decode(of_pairs, **kwargs):
    return decode_spans(of_pairs, [TEXT], OFFSETS, ["a", "b"], **kwargs)[0]


def test_keeps_nested_spans_in_reading_order():
    found = decode(scores(a_1_2=1.0, b_1_3=2.0, a_3_3=0.5))
    assert found == [
        Span(0, 14, "b", "New York Times", 2.0),
        Span(0, 8, "a", "New York", 1.0),
        Span(9, 14, "a", "Times", 0.5),
    ]


def test_the_threshold_is_exclusive():
    found = scores(a_1_2=1.0, b_1_3=2.0)
    assert [s.label for s in decode(found, threshold=1.0)] == ["b"]
    assert [s.label for s in decode(found, threshold=0.9)] == ["b", "a"]


def test_tokens_without_characters_start_and_end_nothing():
    assert decode(scores(a_0_2=9.0, a_1_4=9.0, a_0_0=9.0, a_4_4=9.0)) == []


def test_ends_before_starts_are_nothing():
    assert decode(scores(a_3_1=9.0)) == []


def test_token_pairs_over_the_same_characters_are_one_span():
    offsets = np.array([[[0, 1], [0, 1]]])
    of_pairs = np.array([[[[1.0, 3.0], [2.0, 2.0]]]])
    found = decode_spans(of_pairs, ["é"], offsets, ["a"])
    assert found == [[Span(0, 1, "a", "é", 3.0)]]


def test_a_flat_set_keeps_the_best_spans():
    found = scores(a_1_2=1.0, b_1_3=2.0, a_3_3=0.5)
    assert [s.text for s in decode(found, allow_overlap=False)] == [TEXT]
    found = scores(a_1_2=3.0, b_1_3=2.0, a_3_3=0.5)
    flat = decode(found, allow_overlap=False)
    assert [s.text for s in flat] == ["New York", "Times"]


@given(st.integers(0, 10_000))
def test_a_flat_set_is_the_greedy_one(seed):
    rng = np.random.default_rng(seed)
    text = "abcdefgh"
    offsets = np.array([[[n, n + 1] for n in range(8)]])
    of_pairs = rng.normal(-0.5, 1, (1, 2, 8, 8))
    everything = decode_spans(of_pairs, [text], offsets, ["a", "b"])[0]
    kept = []
    for span in sorted(everything, key=lambda s: -s.score):
        if all(span.end <= k.start or k.end <= span.start for k in kept):
            kept.append(span)
    flat = decode_spans(
        of_pairs, [text], offsets, ["a", "b"], allow_overlap=False
    )[0]
    assert set(flat) == set(kept)


def test_takes_no_texts():
    empty = np.zeros((0, 2, 5, 5)), [], np.zeros((0, 5, 2)), ["a", "b"]
    assert decode_spans(*empty) == []


@pytest.mark.parametrize(
    ("texts", "offsets", "labels"),
    [
        (["x", "y"], OFFSETS, ["a", "b"]),
        (["x"], OFFSETS[:, :3], ["a", "b"]),
        (["x"], OFFSETS, ["a"]),
    ],
)
def test_refuses_shapes_that_do_not_fit(texts, offsets, labels):
    with pytest.raises(ValueError, match="must fit `scores`"):
        decode_spans(scores(), texts, offsets, labels)
    with pytest.raises(ValueError, match="must have shape"):
        decode_spans(scores()[0], [TEXT], OFFSETS, ["a", "b"])


@pytest.mark.parametrize("ragged", [[[], [None]], [[0.0], [1.0, 2.0]], "a"])
def test_names_what_is_no_array(ragged):
    with pytest.raises(ValueError, match="`scores` must be an array of real"):
        decode_spans(ragged, ["x"], OFFSETS, ["a", "b"])
    with pytest.raises(ValueError, match="`offsets` must be an array of real"):
        decode_spans(scores(), ["x"], ragged, ["a", "b"])
    with pytest.raises(ValueError, match="`tails` must be an array of real"):
        decode_relations(scores(), scores(), ragged, ["x"], OFFSETS, ["a"])


def test_counts_hits_on_the_texts():
    gold = [[(0, 3, "a"), (0, 8, "b")], [(1, 2, "a")], []]
    found = [[(0, 3, "a", "New", 1.0), (0, 8, "a"), (0, 3, "a")], [], []]
    result = score_spans(found, gold)
    assert result["precision"] == 1 / 2
    assert result["recall"] == 1 / 3
    assert result["f1"] == 2 / 5
    assert result["f1/a"] == 2 / 4
    assert result["recall/b"] == 0


def test_nothing_found_in_nothing_is_zero():
    assert score_spans([[]], [[]]) == {"f1": 0, "precision": 0, "recall": 0}


def test_refuses_different_numbers_of_texts():
    with pytest.raises(ValueError, match="1 and 2 texts"):
        score_spans([[]], [[], []])


@given(st.integers(0, 10_000), st.sampled_from([-2.0, 0.0, 1.5]))
def test_factors_give_the_spans_of_their_scores(seed, threshold):
    rng = np.random.default_rng(seed)
    packed = rng.normal(-0.3, 1, size=(2, 6, 6 + 2 * 2)).astype("float32")
    ordered = np.triu(np.ones((6, 6), bool))
    packed[..., :6] = np.where(ordered, packed[..., :6], -1e9)
    span, start, end = packed[..., :6], packed[..., 6:8], packed[..., 8:]
    of_pairs = span[:, None] + np.swapaxes(start, 1, 2)[..., None]
    of_pairs = of_pairs + np.swapaxes(end, 1, 2)[:, :, None]
    offsets = np.array([[[n, n + 1] for n in range(6)]] * 2)
    rest = ["abcdef", "uvwxyz"], offsets, ["a", "b"], threshold
    assert decode_spans(packed, *rest) == decode_spans(of_pairs, *rest)
