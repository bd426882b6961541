"""LookAheadConstraint."""

import json

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras import ops

from keras_tricks.samplers import ConstrainedBeamSampler
from keras_tricks.samplers import ConstrainedSampler
from keras_tricks.samplers import LookAheadConstraint
from keras_tricks.samplers import Trie
from tests.samplers.compiled import EXAMPLES
from tests.samplers.compiled import Steps
from tests.samplers.toy import ToyModel
from tests.samplers.toy import random_words
from tests.samplers.words import END
from tests.samplers.words import VOCABULARY
from tests.samplers.words import WORDS
from tests.samplers.words import spell
from tests.samplers.words import until_end


def longest_common(x, y):
    """Length of the longest common subsequence, by the textbook."""
    table = np.zeros((len(x) + 1, len(y) + 1), int)
    for i, a in enumerate(x):
        for j, b in enumerate(y):
            table[i + 1, j + 1] = (
                table[i, j] + 1
                if a == b
                else max(table[i, j + 1], table[i + 1, j])
            )
    return int(table[-1, -1])


def exponents(words, prefix, question, most):
    """1 / (Δ + 1) of each token, one completion at a time."""
    result = np.ones(VOCABULARY)
    below = {w + "." for w in words if (w + ".").startswith(prefix)}
    if len(below) <= most and len({w[len(prefix)] for w in below}) > 1:
        for word in below:
            token = spell(word[len(prefix)])[0]
            gain = longest_common(word[:-1], question)
            gain -= longest_common(prefix, question)
            result[token] = min(result[token], 1 / (gain + 1))
    return result


def ahead(words, questions, **kwargs):
    trie = Trie([spell(w) for w in words])
    questions = [spell(q) for q in questions]
    return LookAheadConstraint(trie, VOCABULARY, END, questions, **kwargs)


@settings(max_examples=EXAMPLES)
@given(st.integers(0, 10**6), st.integers(0, 2), st.sampled_from([2, 4, 64]))
def test_equals_a_loop_over_completions(seed, size, most):
    rng = np.random.default_rng(seed)
    words = random_words(rng, 10)
    prefixes = ["".join(rng.choice(list("abc"), size)) for _ in range(4)]
    questions = ["".join(rng.choice(list("abcd"), 5)) for _ in prefixes]
    questions[0] = questions[0][:2]
    constraint = ahead(words, questions, max_entries=most)
    logits = rng.normal(size=(4, VOCABULARY)).astype("float32")
    steps = Steps(constraint)
    state = steps.initial_state(4)
    for letters in zip(*prefixes, strict=True):
        tokens = np.array(spell("".join(letters)), "int32")
        state = steps.advance(state, ops.convert_to_tensor(tokens))
    found = steps.rescore(state, ops.convert_to_tensor(logits))
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    for row, prefix, question, found_row in zip(
        log_p, prefixes, questions, ops.convert_to_numpy(found), strict=True
    ):
        factor = exponents(words, prefix, question, most)
        np.testing.assert_allclose(found_row, row * factor, rtol=1e-5)


@pytest.mark.parametrize("name", ["greedy", None])
def test_answers_are_entries(name):
    constraint = ahead(WORDS, ["dab", "caddy", "bee"], length=5)
    sampler = ConstrainedBeamSampler(constraint, 3)
    if name:
        sampler = ConstrainedSampler(name, constraint)
    prompts = [spell("x"), spell("why"), spell("no")]
    rows = ToyModel(3).sample(sampler, prompts, 10)
    for row, prompt in zip(rows, prompts, strict=True):
        assert until_end(row[len(prompt) :]) in WORDS


def test_an_undecided_model_follows_the_question():
    words, questions = ["abxyz", "abcde", "abbbb"], ["cede", "yz", "b"]
    constraint = ahead(words, questions, length=5)
    model = ToyModel(0)
    model.tables[:] = 0
    prompts = [spell("x"), spell("why"), spell("no")]
    for sampler in (
        ConstrainedSampler("greedy", constraint),
        ConstrainedBeamSampler(constraint, 3),
    ):
        rows = model.sample(sampler, prompts, 10)
        found = [
            until_end(row[len(prompt) :])
            for row, prompt in zip(rows, prompts, strict=True)
        ]
        assert found == ["abcde", "abxyz", "abbbb"]


def test_other_questions_can_be_assigned():
    constraint = ahead(WORDS, ["dab", "caddy"], length=6)
    assert constraint.variables == [constraint.questions]
    for sampler in (
        ConstrainedSampler("greedy", constraint),
        ConstrainedBeamSampler(constraint),
    ):
        assert sampler.variables == [constraint.questions]
    constraint.assign([spell("be"), spell("cab")])
    _, question, _ = constraint.initial_state(2)
    found = ops.convert_to_numpy(question).tolist()
    assert found == [[*spell("be"), *[-1] * 4], [*spell("cab"), *[-1] * 3]]


def test_its_configuration_rebuilds_it():
    constraint = ahead(WORDS, ["dab", "caddy"], length=6, max_entries=3)
    config = json.loads(
        json.dumps(keras.saving.serialize_keras_object(constraint))
    )
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == constraint.get_config()
    assert again.max_entries == 3


def test_names_the_bad_argument():
    for token in (-1, 2**31):
        with pytest.raises(ValueError, match="`questions` must be lists"):
            LookAheadConstraint(Trie([[1]]), VOCABULARY, END, [[token]])
    for questions in ([], [""]):
        with pytest.raises(ValueError, match="`questions` must be lists"):
            ahead(WORDS, questions)
    with pytest.raises(ValueError, match="length=2"):
        ahead(WORDS, ["abc"], length=2)
    with pytest.raises(ValueError, match="1 questions for 2 rows"):
        ahead(WORDS, ["abc"]).initial_state(2)
    with pytest.raises(ValueError, match="must fill the same room"):
        ahead(WORDS, ["abc"]).assign([spell("a")])
    with pytest.raises(ValueError, match="`max_entries` must be"):
        ahead(WORDS, ["abc"], max_entries=0)
