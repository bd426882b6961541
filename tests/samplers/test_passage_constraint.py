"""PassageConstraint."""

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
from keras_tricks.samplers import PassageConstraint
from tests.samplers.compiled import EXAMPLES
from tests.samplers.compiled import Steps
from tests.samplers.compiled import compile_once
from tests.samplers.toy import ToyModel
from tests.samplers.words import END
from tests.samplers.words import VOCABULARY
from tests.samplers.words import read
from tests.samplers.words import spell
from tests.samplers.words import until_end


def passages_of(*words, **kwargs):
    return PassageConstraint(
        [spell(w) for w in words], VOCABULARY, END, **kwargs
    )


def follow(constraint, *prefixes):
    """What may follow prefixes of one length."""
    constraint = Steps(constraint)
    state = constraint.initial_state(len(prefixes))
    for letters in zip(*prefixes, strict=True):
        tokens = np.array(spell("".join(letters)), "int32")
        state = constraint.advance(state, ops.convert_to_tensor(tokens))
    mask = ops.convert_to_numpy(constraint.allowed(state))
    return [read(np.flatnonzero(row)) for row in mask]


@settings(max_examples=EXAMPLES)
@given(
    st.lists(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=3),
    st.integers(0, 3),
    st.integers(0, 10**6),
)
def test_allows_what_follows_in_the_text(words, size, seed):
    rng = np.random.default_rng(seed)
    prefixes = ["".join(rng.choice(list("abc"), size)) for _ in range(4)]
    found = follow(passages_of(*words, length=20), *prefixes)
    for prefix, letters in zip(prefixes, found, strict=True):
        after = {
            word[i + size]
            for word in words
            for i in range(len(word) - size)
            if word[i : i + size] == prefix
        }
        assert letters == "".join(sorted(after)) + "." * (size > 0)


def test_an_answer_ends_once_and_for_all():
    assert follow(passages_of("aba"), "a.", "x.", "ax") == [".", ".", "."]


def test_each_row_has_its_passage_if_asked():
    constraint = passages_of("abc", "xaz", per_row=True)
    assert follow(constraint, "a", "a") == ["b.", "z."]
    assert follow(passages_of("abc", "xaz"), "a", "a") == ["bz.", "bz."]
    with pytest.raises(ValueError, match="2 passages for 3 rows"):
        constraint.initial_state(3)


@pytest.mark.parametrize("name", ["random", None])
def test_answers_are_passages(name):
    texts = ("abracadabra", "hocuspocus", "simsalabim")
    constraint = passages_of(*texts, per_row=True)
    sampler = ConstrainedBeamSampler(constraint, 3)
    if name:
        sampler = ConstrainedSampler(name, constraint)
    model = ToyModel(3)
    model.tables[:, :, END] += 1.5
    prompts = [spell("x"), spell("why"), spell("no")]
    rows = model.sample(sampler, prompts, 12)
    for row, prompt, text in zip(rows, prompts, texts, strict=True):
        whole = read(row[len(prompt) :])
        answer = until_end(row[len(prompt) :])
        assert (whole if answer is None else answer) in text
        assert answer != ""


def test_the_next_texts_need_no_new_compilation():
    constraint = passages_of("abc", "bcd", per_row=True, length=5)
    assert constraint.variables == [constraint.texts]
    traces = []

    def follow_nothing(texts):
        traces.append(1)
        with keras.StatelessScope([(constraint.texts, texts)]):
            return constraint.allowed(constraint.initial_state(2))

    function = compile_once(follow_nothing)
    for words in (("abc", "bcd"), ("xxyyz", "q")):
        constraint.assign([spell(w) for w in words])
        rows = ops.convert_to_numpy(function(constraint.texts.value))
        letters = [read(np.flatnonzero(row)) for row in rows]
        assert letters == ["".join(sorted(set(w))) for w in words]
    assert len(traces) == (2 if keras.config.backend() == "torch" else 1)


def test_its_configuration_rebuilds_it():
    constraint = passages_of("abc", "d", per_row=True, length=4)
    constraint.assign([spell("x"), spell("yz")])
    config = json.loads(
        json.dumps(keras.saving.serialize_keras_object(constraint))
    )
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == constraint.get_config()
    assert again.passages == [spell("x"), spell("yz")]


def test_passages_that_were_refused_leave_it_as_it_was():
    constraint = passages_of("abc")
    for word in ("abcd", ""):
        with pytest.raises(ValueError, match="`passages` must"):
            constraint.assign([spell(word)])
    assert constraint.get_config()["passages"] == [spell("abc")]


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_tokens_are_integers_of_any_size(dtype):
    constraint = passages_of("abc")
    token = ops.convert_to_tensor(np.array(spell("b"), dtype))
    state = constraint.advance(constraint.initial_state(1), token)
    mask = ops.convert_to_numpy(constraint.allowed(state))
    assert read(np.flatnonzero(mask[0])) == "c."


def test_names_the_bad_argument():
    for words in ((), ("",), ("ab.",)):
        with pytest.raises(ValueError, match="`passages` must be lists"):
            passages_of(*words)
    with pytest.raises(ValueError, match=r"tokens \[28\] outside"):
        PassageConstraint([[1, 28]], VOCABULARY, END)
    with pytest.raises(ValueError, match="must leave room"):
        passages_of("abc", length=2)
    with pytest.raises(ValueError, match="must fill the same room"):
        passages_of("abc").assign([spell("ab")])
