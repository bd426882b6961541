"""GrammarConstraint, its engine made for the tests or xgrammar's."""

import importlib.util
import json

import keras
import keras_hub
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras import ops

from keras_tricks.samplers import ConstrainedBeamSampler
from keras_tricks.samplers import ConstrainedSampler
from keras_tricks.samplers import GrammarConstraint
from keras_tricks.samplers import _matchers
from tests.samplers.brackets import Brackets
from tests.samplers.brackets import follow
from tests.samplers.brackets import new_brackets
from tests.samplers.compiled import BACKEND
from tests.samplers.compiled import EXAMPLES
from tests.samplers.test_generate import generate
from tests.samplers.test_generate import set_weights
from tests.samplers.toy import ToyModel
from tests.samplers.words import END
from tests.samplers.words import VOCABULARY
from tests.samplers.words import spell
from tests.samplers.words import until_end

needs_xgrammar = pytest.mark.skipif(
    importlib.util.find_spec("xgrammar") is None,
    reason="xgrammar, an optional package, is not installed",
)
PROMPTS = [spell("x"), spell("why"), spell("no")]


def brackets(length=16):
    return GrammarConstraint(new_brackets, VOCABULARY, END, length)


def masks(constraint, state):
    found = ops.convert_to_numpy(constraint.allowed(state))
    return [set(np.flatnonzero(row).tolist()) for row in found]


@settings(max_examples=EXAMPLES)
@given(st.integers(0, 10**6))
def test_allows_what_the_grammar_lets_follow(seed):
    rng = np.random.default_rng(seed)
    constraint, answers = brackets(), [[] for _ in range(6)]
    state = constraint.initial_state(6)
    for _ in range(5):
        found = masks(constraint, state)
        assert found == [follow(answer) for answer in answers]
        for answer, mask in zip(answers, found, strict=True):
            wrong = rng.random() < 0.1
            answer.append(int(rng.choice([25] if wrong else sorted(mask))))
        tokens = [answer[-1] for answer in answers]
        state = constraint.advance(state, ops.array(tokens, "int32"))


def test_after_the_end_or_a_wrong_token_only_the_end_follows():
    constraint = brackets()
    state = constraint.initial_state(2)
    for letters in ("cx", ".a", "cc"):
        state = constraint.advance(state, ops.array(spell(letters), "int32"))
        assert masks(constraint, state)[1] == {END}
    assert masks(constraint, state) == [{END}, {END}]


def test_tells_whole_answers_from_those_that_were_cut():
    constraint = brackets()
    for answer in ("acb", "c", "acbab"):
        assert constraint.is_whole(spell(answer))
    for answer in ("", "ac", "b", "x", "acb."):
        assert not constraint.is_whole(spell(answer))


def test_a_row_that_the_engine_leaves_open_is_all_allowed():
    class Open(Brackets):
        def fill_next_token_bitmask(self, bitmask, index):
            return False

    constraint = GrammarConstraint(Open, VOCABULARY, END, 4)
    mask = ops.convert_to_numpy(constraint.allowed(constraint.initial_state(1)))
    assert mask.shape == (1, VOCABULARY)
    assert mask.all()


@pytest.mark.parametrize("most", [_matchers.MAX_MATCHERS, 2])
def test_matchers_are_forked_and_dropped_ones_made_again(most, monkeypatch):
    monkeypatch.setattr(_matchers, "MAX_MATCHERS", most)
    constraint, Brackets.made = brackets(), 0
    answers = [spell("acab"), spell("aacb"), spell("cccc")]
    state = constraint.initial_state(3)
    for tokens in np.array(answers, "int32").T:
        state = constraint.advance(state, ops.convert_to_tensor(tokens))
        found = masks(constraint, state)
    assert found == [follow(answer) for answer in answers]
    if most > 2:
        # Eleven prefixes and the empty one; nothing a second time.
        assert Brackets.made == 12
        assert masks(constraint, state) == found
        assert Brackets.made == 12
    else:
        assert Brackets.made > 12


def test_the_matchers_used_last_are_kept(monkeypatch):
    monkeypatch.setattr(_matchers, "MAX_MATCHERS", 3)
    constraint, Brackets.made = brackets(), 0
    state = constraint.initial_state(1)
    for token in spell("acabccb"):
        state = constraint.advance(state, ops.array([token], "int32"))
        constraint.allowed(state)
    # The first one, and a fork for each token.
    assert Brackets.made == 8


def is_balanced(answer):
    depth = 0
    for letter in answer:
        depth += {"a": 1, "b": -1}.get(letter, 0)
        if depth < 0 or letter not in "abc":
            return False
    return depth == 0 and answer != ""


@pytest.mark.parametrize("name", ["random", "beam", None])
def test_answers_are_sentences(name):
    sampler = ConstrainedBeamSampler(brackets(), 3)
    if name:
        sampler = ConstrainedSampler(name, brackets())
    model = ToyModel(5)
    model.tables[:, :, END] += 2
    rows = model.sample(sampler, PROMPTS, 14)
    found = [
        until_end(row[len(prompt) :])
        for row, prompt in zip(rows, PROMPTS, strict=True)
    ]
    assert any(found)
    assert all(answer is None or is_balanced(answer) for answer in found)


@pytest.fixture(scope="module")
def model():
    backbone = keras_hub.models.GPT2Backbone(
        VOCABULARY, 1, 2, 8, 16, 0.0, max_sequence_length=11
    )
    causal = keras_hub.models.GPT2CausalLM(backbone, preprocessor=None)
    return set_weights(causal, 2)


def test_generates_with_a_callback_in_the_compiled_loop(model):
    sampler = ConstrainedSampler("greedy", brackets())
    found = generate(model, sampler, jit=BACKEND == "jax")
    assert all(answer is None or is_balanced(answer) for answer in found)


@pytest.mark.skipif(
    BACKEND != "tensorflow", reason="only XLA under TensorFlow has no callbacks"
)
def test_says_that_xla_under_tensorflow_has_no_callbacks(model):
    for sampler in (
        ConstrainedSampler("greedy", brackets()),
        ConstrainedBeamSampler(brackets(), 2),
    ):
        with pytest.raises(NotImplementedError, match="`jit_compile=False`"):
            generate(model, sampler)


def test_its_configuration_rebuilds_it():
    config = keras.saving.serialize_keras_object(brackets(7))
    again = keras.saving.deserialize_keras_object(
        json.loads(json.dumps(config))
    )
    assert again.matcher is new_brackets
    assert (again.length, again.max_length) == (7, 7)


def test_names_the_bad_argument():
    with pytest.raises(ValueError, match="`matcher` must be a function"):
        GrammarConstraint(Brackets().depth, VOCABULARY, END)
    with pytest.raises(ValueError, match="`length` must be"):
        brackets(0)
    sampler = ConstrainedSampler("greedy", brackets(8))
    with pytest.raises(ValueError, match=r"9 tokens. Received: length=8"):
        ToyModel(0).sample(sampler, PROMPTS, 9)


@pytest.mark.skipif(
    importlib.util.find_spec("xgrammar") is not None,
    reason="xgrammar is installed",
)
def test_says_what_to_install_for_json():
    with pytest.raises(ImportError, match=r"keras-tricks\[grammar\]"):
        GrammarConstraint.from_json_schema({}, ["a"], 2, 1)


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 3},
        "tags": {"type": "array", "items": {"type": "boolean"}},
    },
    "required": ["name", "tags"],
    "additionalProperties": False,
}
# All letters that are needed. One token is beyond the texts, as in a model
# with a padded vocabulary.
TEXTS = [*'{}[]:,nametgsrufl"', None, b"true", '"name"', '"tags"', '":', "ü"]
SIZE, STOP = len(TEXTS) + 1, TEXTS.index(None)


@needs_xgrammar
def test_random_answers_are_json_of_the_schema():
    constraint = GrammarConstraint.from_json_schema(SCHEMA, TEXTS, SIZE, STOP)
    rng = np.random.default_rng(0)
    state, answers = constraint.initial_state(8), [[] for _ in range(8)]
    for _ in range(70):
        for answer, mask in zip(answers, masks(constraint, state), strict=True):
            likely = mask & {STOP, TEXTS.index("]"), TEXTS.index('"')} or mask
            answer.append(int(rng.choice(sorted(likely))))
        tokens = [answer[-1] for answer in answers]
        state = constraint.advance(state, ops.array(tokens, "int32"))
    for answer in answers:
        texts = [TEXTS[token] for token in answer[: answer.index(STOP)]]
        text = b"".join(
            t if isinstance(t, bytes) else t.encode() for t in texts
        )
        found = json.loads(text)
        assert set(found) == {"name", "tags"}
        assert all(isinstance(tag, bool) for tag in found["tags"])
        assert set(answer[answer.index(STOP) :]) == {STOP}


@needs_xgrammar
def test_generated_json_is_whole_or_cut():
    constraint = GrammarConstraint.from_json_schema(SCHEMA, TEXTS, SIZE, STOP)
    toy = ToyModel(1, vocabulary=SIZE, length=40)
    rows = toy.sample(
        ConstrainedSampler("random", constraint), [[0]] * 4, 40, 0, (STOP,)
    )
    for row in rows:
        answer = row[1:].tolist()
        if STOP in answer:
            texts = [TEXTS[t] for t in answer[: answer.index(STOP)]]
            texts = [t if isinstance(t, str) else t.decode() for t in texts]
            assert set(json.loads("".join(texts))) == {"name", "tags"}


@needs_xgrammar
def test_a_schema_is_saved():
    constraint = GrammarConstraint.from_json_schema(SCHEMA, TEXTS, SIZE, STOP)
    config = json.loads(
        json.dumps(keras.saving.serialize_keras_object(constraint))
    )
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == constraint.get_config()
    first = masks(constraint, constraint.initial_state(1))
    assert masks(again, again.initial_state(1)) == first == [{0}]
