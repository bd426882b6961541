"""ConstrainedBeamSampler."""

import json

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from keras_tricks.samplers import ConstrainedBeamSampler
from keras_tricks.samplers import Constraint
from keras_tricks.samplers import Trie
from keras_tricks.samplers import TrieConstraint
from tests.samplers.toy import ToyModel
from tests.samplers.toy import best_words
from tests.samplers.toy import random_prompts
from tests.samplers.toy import random_words
from tests.samplers.words import END
from tests.samplers.words import PAD
from tests.samplers.words import VOCABULARY
from tests.samplers.words import WORDS
from tests.samplers.words import read
from tests.samplers.words import spell
from tests.samplers.words import until_end

SETTINGS = [
    (normalization, penalty)
    for normalization in ("global", "local")
    for penalty in (0.0, 1.0)
]


def beam(words, *args, **kwargs):
    trie = Trie([spell(word) for word in words])
    constraint = TrieConstraint(trie, VOCABULARY, END)
    return ConstrainedBeamSampler(constraint, *args, **kwargs)


def run(model, sampler, prompts, length=9, **kwargs):
    return model.sample(sampler, prompts, length, **kwargs)


def check_exhaustive(seed, normalization, penalty):
    """All beams are all words, their scores those of exhaustive search."""
    rng = np.random.default_rng(seed)
    words, prompts = random_words(rng), random_prompts(rng)
    sampler = beam(words, 10, normalization, penalty, return_all_beams=True)
    model = ToyModel(seed)
    rows, scores = run(model, sampler, prompts)
    for row, score, prompt in zip(rows, scores, prompts, strict=True):
        expected = best_words(model, words, prompt, normalization, penalty)
        size = len(expected)
        found = [until_end(r[len(prompt) :]) for r in row[:size]]
        assert found == [read(word) for _, word in expected]
        exact = [s for s, _ in expected]
        np.testing.assert_allclose(score[:size], exact, rtol=1e-5, atol=1e-5)
        assert (score[size:] == -np.inf).all()
        assert all(r[: len(prompt)].tolist() == prompt for r in row[:size])


@pytest.mark.parametrize(("normalization", "penalty"), SETTINGS)
@settings(max_examples=4)
@given(seed=st.integers(0, 10**6))
def test_with_a_beam_for_each_entry_it_is_exhaustive(
    normalization, penalty, seed
):
    check_exhaustive(seed, normalization, penalty)


@pytest.mark.slow
@settings(max_examples=10_000)
@given(st.integers(0, 10**9), st.sampled_from(SETTINGS))
def test_ten_thousand_searches_are_exhaustive(seed, setting):
    check_exhaustive(seed, *setting)


def test_normalization_and_penalty_change_what_is_best():
    words = [*random_words(np.random.default_rng(0), 8), "a", "bbbb"]
    found = {}
    for setting in SETTINGS:
        sampler = beam(words, 10, *setting, return_all_beams=True)
        found[setting] = [
            run(ToyModel(0), sampler, [[i], [i + 1], [i + 2]])[0][:, 0].tolist()
            for i in range(0, 24, 3)
        ]
    for one in SETTINGS:
        for other in SETTINGS:
            assert one == other or found[one] != found[other]


def test_few_beams_give_entries_of_at_most_the_best_score():
    model, prompts = ToyModel(1), [spell("x"), spell("why"), spell("no")]
    for count in (1, 3):
        sampler = beam(WORDS, count, return_all_beams=True)
        rows, scores = run(model, sampler, prompts, 11)
        for row, score, prompt in zip(rows, scores, prompts, strict=True):
            known = {w: s for s, w in best_words(model, WORDS, prompt)}
            words = [until_end(r[len(prompt) :]) for r in row]
            assert len(set(words)) == count
            exact = [known[tuple(spell(word))] for word in words]
            np.testing.assert_allclose(score, exact, rtol=1e-5)
            assert (np.diff(score) <= 0).all()


def test_gives_the_first_of_all_beams():
    model, prompts = ToyModel(2), [spell("x"), spell("why")]
    best = run(model, beam(WORDS, 4), prompts, 11)
    rows, _ = run(model, beam(WORDS, 4, return_all_beams=True), prompts, 11)
    assert best.tolist() == rows[:, 0].tolist()


def test_a_beam_that_ended_keeps_its_score_and_its_place():
    class Peaked:
        """Ends with probability 0.6, else goes on with `b` for sure."""

        def __call__(self, prompt, cache, index):
            z = np.full((3, VOCABULARY), -30.0, "float32")
            z[:2, END], z[0, 1], z[1, 1] = np.log(0.6), np.log(0.4), -30
            z[2, 1] = 0
            last = keras.ops.take(prompt, index - 1, axis=1)
            state = keras.ops.where(
                last == 0, 0, keras.ops.where(last == 1, 1, 2)
            )
            return (
                keras.ops.take(keras.ops.convert_to_tensor(z), state, 0),
                0,
                cache,
            )

    sampler = beam(["", "b", "bb"], 3, return_all_beams=True)
    prompt = keras.ops.zeros((1, 6), "int32")
    rows, scores = sampler(Peaked(), prompt, index=1)
    assert read(rows[0][0]) == "a.aaaa"
    assert float(scores[0][0]) == pytest.approx(np.log(0.6), rel=1e-5)


def test_a_shorter_prompt_gives_what_it_gives_alone():
    prompts = [spell("x"), spell("why"), spell("no")]
    sampler = beam(WORDS, 3, return_all_beams=True)
    rows, scores = run(ToyModel(4), sampler, prompts, 11)
    for row, score, prompt in zip(rows, scores, prompts, strict=True):
        alone, its = run(ToyModel(4), sampler, [prompt] * 3, 11)
        assert row.tolist() == alone[1].tolist()
        np.testing.assert_allclose(score, its[1], rtol=1e-5)


def test_a_beam_that_ended_is_compared_by_its_own_length():
    model, (x, b, c, d) = ToyModel(0), spell("xbcd")
    model.tables[:] = 0
    model.tables[1] = -30
    model.tables[1, x, [END, b]] = np.log([0.37, 0.63])
    model.tables[1, b, [c, d]] = np.log(0.5)
    model.tables[1, [c, d], END] = 0
    # By the mean of three, log 0.63 · 0.5 is above log 0.37 of one.
    sampler = beam(["", "bc", "bd"], 2, "global", 1.0, return_all_beams=True)
    rows, _ = run(model, sampler, [[x]])
    assert {until_end(row[1:]) for row in rows[0]} == {"bc", "bd"}


def test_an_end_token_in_a_prompt_ends_no_answer():
    prompts = [spell("x"), spell("w.y"), spell("no")]
    rows = run(ToyModel(4), beam(WORDS, 3), prompts, 11)
    assert read(rows[1]).startswith("w.y")
    assert until_end(rows[1][3:]) in WORDS


def test_scores_far_below_float_underflow_are_exact():
    model = ToyModel(0)
    model.tables[0, :, :26] -= 300.0
    sampler = beam(["ab", "ba"], 2, return_all_beams=True)
    rows, scores = run(model, sampler, [spell("x")])
    expected = best_words(model, ["ab", "ba"], spell("x"))
    assert expected[0][0] < -500
    np.testing.assert_allclose(scores[0], [s for s, _ in expected], rtol=1e-5)
    assert until_end(rows[0][0][1:]) == read(expected[0][1])


def test_half_precision_scores_are_summed_in_float32():
    model = ToyModel(0)
    for dtype in ("float16", "bfloat16"):

        def next(prompt, cache, index, dtype=dtype):
            logits, hidden, cache = model.next(prompt, cache, index)
            return keras.ops.cast(logits, dtype), hidden, cache

        sampler = beam(WORDS, 3, return_all_beams=True)
        prompt = keras.ops.zeros((1, 8), "int32")
        cache = keras.ops.zeros((1,), "int32")
        rows, scores = sampler(next, prompt, cache, 1)
        assert keras.backend.standardize_dtype(scores.dtype) == "float32"
        assert {until_end(r[1:]) for r in rows[0]} <= set(WORDS)


def test_an_answer_that_the_length_cuts_has_no_score():
    sampler = beam(["abab", "abcd", "a"], 3, return_all_beams=True)
    rows, scores = run(ToyModel(0), sampler, [spell("x"), spell("xyz")], 5)
    words = {read(row) for row in rows[0]}
    assert read(rows[1][0]) == "xyza."
    assert words >= {"xa.__"}
    assert (scores[:, 1:] == -np.inf).all()
    assert np.isfinite(scores[:, 0]).all()
    cut = run(ToyModel(0), beam(["abab"], 2), [spell("x"), spell("xyz")], 6)
    assert [read(row) for row in cut] == ["xabab.", "xyzaba"]


def test_a_row_with_nothing_allowed_is_empty_and_not_nan():
    class Nothing(Constraint):
        def allowed(self, state):
            return keras.ops.zeros((len(state), self.vocabulary_size), "bool")

    for normalization in ("global", "local"):
        sampler = ConstrainedBeamSampler(
            Nothing(VOCABULARY, END), 2, normalization, return_all_beams=True
        )
        rows, scores = run(ToyModel(0), sampler, [spell("x")], 5)
        assert read(rows[0][0]) == "x.___"
        assert (scores == -np.inf).all()


def test_takes_no_cache_and_no_mask():
    rows = beam(["a", "b"], 2)(
        lambda prompt, cache, index: (
            keras.ops.ones((len(prompt), VOCABULARY)),
            None,
            cache,
        ),
        keras.ops.full((2, 4), PAD, "int32"),
        index=1,
    )
    assert [read(row) for row in keras.ops.convert_to_numpy(rows)] == [
        "_a._",
        "_a._",
    ]


def test_its_constraint_cannot_be_swapped_behind_compiled_code():
    sampler = beam(WORDS, 2)
    with pytest.raises(AttributeError):
        sampler.constraint = Constraint(VOCABULARY, END)


def test_its_configuration_rebuilds_it():
    sampler = beam(WORDS, 3, "local", 0.5, True)
    config = keras.saving.serialize_keras_object(sampler)
    again = keras.saving.deserialize_keras_object(
        json.loads(json.dumps(config))
    )
    assert list(again.constraint.trie) == list(sampler.constraint.trie)
    assert again.get_config() == sampler.get_config()
    assert again.num_beams == 3
    assert again.length_penalty == 0.5


def test_names_the_bad_argument():
    with pytest.raises(ValueError, match="`num_beams` must be"):
        beam(WORDS, 0)
    with pytest.raises(ValueError, match="`normalization` must be one of"):
        beam(WORDS, 2, "sum")
    with pytest.raises(ValueError, match="`constraint` must be"):
        ConstrainedBeamSampler(Trie([[1]]))
    with pytest.raises(ValueError, match="for calls of the sampler itself"):
        beam(WORDS, 2, return_all_beams=True)(
            None, keras.ops.zeros((1, 9), "int32"), model=keras.Model()
        )
    with pytest.raises(ValueError, match="must contain the constraint's"):
        run(ToyModel(0), beam(WORDS, 2), [[1]], stop=(PAD,))
    with pytest.raises(ValueError, match="shortest answer, 5 tokens"):
        run(ToyModel(0), beam(["abab"], 2), [spell("x")], 4)
    with pytest.raises(ValueError, match="model's scores, 30"):
        run(ToyModel(0, vocabulary=30), beam(WORDS, 2), [[1]])
