"""ConstrainedSampler."""

import json

import keras
import keras_hub
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from keras_tricks.samplers import ConstrainedSampler
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

SAMPLERS = ("greedy", "beam", "top_k", "top_p", "random", "contrastive")


def constrained(words, sampler="greedy"):
    trie = Trie([spell(word) for word in words])
    return ConstrainedSampler(sampler, TrieConstraint(trie, VOCABULARY, END))


def answers(rows, prompts):
    return [
        until_end(row[len(prompt) :])
        for row, prompt in zip(rows, prompts, strict=True)
    ]


def check_members(seed, name, max_rows=3):
    """Every answer is a word, after the prompt as it was."""
    rng = np.random.default_rng(seed)
    words, prompts = random_words(rng), random_prompts(rng, max_rows)
    rows = ToyModel(seed).sample(constrained(words, name), prompts, 11)
    assert set(answers(rows, prompts)) <= set(words)
    for row, prompt in zip(rows, prompts, strict=True):
        assert row[: len(prompt)].tolist() == prompt
        after = row[len(prompt) :].tolist()
        assert set(after[after.index(END) + 1 :]) <= {PAD}


@pytest.mark.parametrize("name", SAMPLERS)
@settings(max_examples=5)
@given(st.integers(0, 10**6))
def test_every_answer_is_an_entry(name, seed):
    check_members(seed, name)


@pytest.mark.slow
@settings(max_examples=10_000)
@given(st.integers(0, 10**9), st.sampled_from(SAMPLERS))
def test_ten_thousand_answers_are_entries(seed, name):
    check_members(seed, name, max_rows=2)


def test_greedy_takes_the_likeliest_allowed_token_at_each_step():
    model, prompts = ToyModel(3), [spell("x"), spell("why")]
    rows = model.sample(constrained(WORDS), prompts, 11)
    for found, prompt in zip(answers(rows, prompts), prompts, strict=True):
        word = ""
        while not word.endswith("."):
            follow = {
                (w + ".")[len(word)]
                for w in WORDS
                if (w + ".").startswith(word)
            }
            z = model.logits([*prompt, *spell(word)])
            word += max(
                follow, key=lambda c: z[END if c == "." else spell(c)[0]]
            )
        assert found == word[:-1]


def test_beam_search_with_a_beam_for_each_entry_is_exhaustive():
    sampler = keras_hub.samplers.BeamSampler(num_beams=len(WORDS))
    prompts = [spell("x"), spell("why"), spell("no")]
    for seed in range(3):
        model = ToyModel(seed)
        rows = model.sample(constrained(WORDS, sampler), prompts, 11)
        for found, prompt in zip(answers(rows, prompts), prompts, strict=True):
            _, best = best_words(model, WORDS, prompt, "local")[0]
            assert found == read(best)


def test_random_answers_follow_the_renormalised_probabilities():
    model, words = ToyModel(5), ("a", "ab", "b")
    prompts = [spell("x")] * 400
    sampler = keras_hub.samplers.RandomSampler(seed=3)
    rows = model.sample(constrained(words, sampler), prompts, 5)
    found = answers(rows, prompts)
    for score, word in best_words(model, words, prompts[0], "local"):
        frequency = found.count(read(word)) / len(found)
        assert abs(frequency - np.exp(score)) < 0.08


def test_a_shorter_prompt_gives_what_it_gives_alone():
    prompts = [spell("x"), spell("why"), spell("no")]
    model = ToyModel(11)
    for name in ("greedy", "beam", "contrastive"):
        sampler = constrained(WORDS, name)
        together = answers(model.sample(sampler, prompts, 11), prompts)
        for prompt, found in zip(prompts, together, strict=True):
            alone = model.sample(sampler, [prompt] * 3, 11)
            assert answers(alone, [prompt] * 3) == [found] * 3, name


def test_while_a_longer_prompt_is_read_no_beam_gains_or_is_lost():
    prompts = [spell("x"), spell("why"), spell("no")]
    inner = keras_hub.samplers.BeamSampler(3, return_all_beams=True)
    model, sampler = ToyModel(11), constrained(WORDS, inner)
    _, together = model.sample(sampler, prompts, 11)
    for prompt, scores in zip(prompts, together, strict=True):
        _, alone = model.sample(sampler, [prompt] * 3, 11)
        np.testing.assert_allclose(scores, alone[0], rtol=1e-5)


def test_a_prompt_padded_with_the_end_token_is_no_finished_answer():
    model, prompts = ToyModel(7), [spell("x"), spell("why")]
    rows = model.sample(constrained(WORDS), prompts, 11, pad=END)
    same = model.sample(constrained(WORDS), prompts, 11)
    assert answers(rows, prompts) == answers(same, prompts)


def constant(logits):
    """A model that gives these scores, whatever the prompt."""
    logits = np.asarray(logits, "float32")

    def next(prompt, cache, index):
        rows = keras.ops.convert_to_tensor(logits)[None]
        return keras.ops.repeat(rows, len(prompt), axis=0), None, cache

    return next


def test_without_a_mask_what_stands_before_the_index_is_given():
    sampler = constrained(["ab", "b"])
    for index, text in ((0, "ab.___"), (2, "xyab._"), (6, "xy____")):
        prompt = np.array([[*spell("xy"), PAD, PAD, PAD, PAD]], "int64")
        rows = sampler(
            constant(np.zeros(VOCABULARY)),
            keras.ops.convert_to_tensor(prompt),
            index=index,
            stop_token_ids=(END,),
        )
        assert read(keras.ops.convert_to_numpy(rows)[0]) == text


def test_padding_before_the_last_given_token_belongs_to_the_prompt():
    rows = constrained(["ab", "b"])(
        constant(np.zeros(VOCABULARY)),
        keras.ops.array([[*spell("_y"), PAD, PAD, PAD, PAD]], "int32"),
        index=1,
        mask=keras.ops.array([[0, 1, 0, 0, 0, 0]], "int32"),
        stop_token_ids=(END,),
    )
    assert read(keras.ops.convert_to_numpy(rows)[0]) == "_yab._"


def test_what_the_model_rules_out_is_taken_where_all_else_is_forbidden():
    sampler, logits = constrained(["ab"]), np.zeros(VOCABULARY)
    logits[:2] = -np.inf
    prompt = keras.ops.full((1, 4), PAD, "int32")
    rows = sampler(constant(logits), prompt, index=1, stop_token_ids=(END,))
    assert read(keras.ops.convert_to_numpy(rows)[0]) == "_ab."


def test_an_answer_that_the_length_cuts_is_told_from_a_whole_one():
    sampler = constrained(["abab", "ababab"])
    rows = ToyModel(0).sample(sampler, [spell("x"), spell("xyz")], 7)
    assert read(rows[1]) == "xyzabab"
    constraint = sampler.constraint
    assert constraint.read(rows, start=[1, 3])[1] is None
    assert constraint.read([[*spell("xabab"), END, PAD]], start=1) == [
        tuple(spell("abab"))
    ]
    assert constraint.read([[*spell("xba"), END]], start=1) == [None]


def test_refuses_a_length_in_which_no_answer_fits():
    with pytest.raises(ValueError, match="shortest answer, 5 tokens"):
        ToyModel(0).sample(constrained(["abab"]), [spell("x")], 4)


def test_without_stop_tokens_it_runs_to_the_length():
    model = ToyModel(0)
    rows = model.sample(constrained(["ab"]), [spell("x")], 6, stop=None)
    assert read(rows[0]) == "xab..."


def test_all_beams_of_the_inner_sampler_are_handed_on():
    sampler = keras_hub.samplers.BeamSampler(2, return_all_beams=True)
    rows, scores = ToyModel(0).sample(
        constrained(["ab", "cd"], sampler), [spell("x")], 4
    )
    assert {read(row) for row in rows[0]} == {"xab.", "xcd."}
    assert np.exp(scores).sum() == pytest.approx(1, rel=1e-5)


def test_a_row_with_nothing_allowed_ends():
    class Nothing(Constraint):
        def allowed(self, state):
            return keras.ops.zeros((len(state), self.vocabulary_size), "bool")

    for name in ("greedy", "beam"):
        sampler = ConstrainedSampler(name, Nothing(VOCABULARY, END))
        rows = ToyModel(0).sample(sampler, [spell("x")], 4)
        assert read(rows[0]) == "x.__"


def test_half_precision_by_default_leaves_masks_finite():
    class Nothing(Constraint):
        def allowed(self, state):
            return keras.ops.zeros((len(state), self.vocabulary_size), "bool")

    sampler = ConstrainedSampler("random", Nothing(VOCABULARY, END))
    prompt = keras.ops.full((1, 3), PAD, "int32")
    floatx = keras.config.floatx()
    keras.config.set_floatx("float16")
    try:
        rows = sampler(constant(np.zeros(VOCABULARY)), prompt, index=1)
    finally:
        keras.config.set_floatx(floatx)
    assert read(keras.ops.convert_to_numpy(rows)[0]) == "_.."


def test_the_seeds_of_the_sampler_are_its_variables():
    sampler = constrained(WORDS, "random")
    assert sampler.variables == sampler.sampler.variables
    assert len(sampler.variables) == 1


def test_its_constraint_cannot_be_swapped_behind_compiled_code():
    sampler = constrained(WORDS)
    with pytest.raises(AttributeError):
        sampler.constraint = Constraint(VOCABULARY, END)


def test_its_configuration_rebuilds_it():
    sampler = constrained(WORDS, keras_hub.samplers.TopKSampler(k=3, seed=1))
    config = keras.saving.serialize_keras_object(sampler)
    again = keras.saving.deserialize_keras_object(
        json.loads(json.dumps(config))
    )
    assert again.sampler.k == 3
    assert list(again.constraint.trie) == list(sampler.constraint.trie)
    assert again.constraint.end_token_id == END
    assert again.constraint.vocabulary_size == VOCABULARY


def test_names_the_bad_argument():
    constraint = constrained(WORDS).constraint
    for wrong in ("speculative", None):
        with pytest.raises(ValueError, match="`sampler` must be a KerasHub"):
            ConstrainedSampler(wrong, constraint)
    with pytest.raises(ValueError, match="`constraint` must be"):
        ConstrainedSampler("greedy", Trie([[1]]))
    with pytest.raises(ValueError, match="must contain the constraint's"):
        ToyModel(0).sample(constrained(WORDS), [[1]], 9, stop=(PAD,))
    with pytest.raises(ValueError, match="that `generate` stops at"):
        ToyModel(0).sample(constrained(WORDS), [[1]], 9, stop=(END, 0))
    with pytest.raises(ValueError, match="model's scores, 30"):
        ToyModel(0, vocabulary=30).sample(constrained(WORDS), [[1]], 9)
