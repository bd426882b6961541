"""TokenAutomaton."""

import importlib.util
import json
import re
import sys

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras import ops

from keras_tricks.samplers import ConstrainedBeamSampler
from keras_tricks.samplers import ConstrainedSampler
from keras_tricks.samplers import TokenAutomaton
from tests.samplers.compiled import EXAMPLES
from tests.samplers.compiled import Steps
from tests.samplers.toy import ToyModel
from tests.samplers.words import END
from tests.samplers.words import VOCABULARY
from tests.samplers.words import read
from tests.samplers.words import spell
from tests.samplers.words import until_end

A, B, C = spell("abc")
needs_outlines = pytest.mark.skipif(
    importlib.util.find_spec("outlines_core") is None,
    reason="outlines-core, an optional package, is not installed",
)


def a_bs_then_c():
    """`a(b*c)?b`, with states of any number."""
    return TokenAutomaton.from_transitions(
        {7: {A: 9}, 9: {B: 11, C: 12}, 11: {B: 11, C: 12}, 12: {B: 4}},
        initial=7,
        accepting=[11, 4],
        vocabulary_size=VOCABULARY,
        end_token_id=END,
    )


def random_automaton(rng, states=5):
    degrees = rng.integers(0, 4, states)
    starts = np.cumsum([0, *degrees])
    tokens = [np.sort(rng.choice(4, d, replace=False)) for d in degrees]
    targets = rng.integers(0, states, starts[-1])
    accepting = np.flatnonzero(rng.random(states) < 0.5)
    return starts, np.concatenate(tokens), targets, accepting


@settings(max_examples=EXAMPLES)
@given(st.integers(0, 10**6))
def test_follows_its_edges(seed):
    rng = np.random.default_rng(seed)
    starts, tokens, targets, accepting = random_automaton(rng)
    initial, end = int(rng.integers(5)), 4
    automaton = Steps(
        TokenAutomaton(starts, tokens, targets, accepting, 5, end, initial)
    )
    states = [initial] * 6
    state = automaton.initial_state(6)
    for _ in range(4):
        mask = ops.convert_to_numpy(automaton.allowed(state))
        picked = []
        for n, s in enumerate(states):
            edges = range(starts[s], starts[s + 1]) if s is not None else ()
            follow = {int(tokens[e]): int(targets[e]) for e in edges}
            allowed = {*follow, *({end} if s in accepting else ())}
            found = set(np.flatnonzero(mask[n]).tolist())
            assert found == (allowed or {end})
            token = int(rng.choice(sorted(found | {0})))
            picked.append(token)
            states[n] = follow.get(token)
        state = automaton.advance(state, ops.array(np.array(picked, "int32")))


@pytest.mark.parametrize("name", ["random", None])
def test_answers_match_the_expression(name):
    automaton = a_bs_then_c()
    sampler = ConstrainedBeamSampler(automaton, 3)
    if name:
        sampler = ConstrainedSampler(name, automaton)
    prompts = [spell("x"), spell("why"), spell("no")]
    model = ToyModel(5)
    model.tables[:, :, END] += 2
    rows = model.sample(sampler, prompts, 12)
    for row, prompt in zip(rows, prompts, strict=True):
        answer = until_end(row[len(prompt) :])
        if answer is None:
            assert re.match(r"ab*", read(row[len(prompt) :]))
        else:
            assert re.fullmatch(r"ab+|ab*cb", answer)


@pytest.mark.parametrize(
    ("transitions", "accepting", "length"),
    [
        ({0: {A: 1}, 1: {}}, [0, 1], 1),
        ({0: {A: 1, B: 2}, 1: {A: 3}, 2: {A: 2, B: 4}, 4: {A: 3}}, [3], 3),
        ({0: {A: 1}, 1: {A: 0}}, [], 1),
        ({n: {A: n + 1} for n in range(9)}, [9], 10),
    ],
)
def test_knows_its_shortest_answer(transitions, accepting, length):
    automaton = TokenAutomaton.from_transitions(
        transitions, 0, accepting, VOCABULARY, END
    )
    assert automaton.min_length == length
    if length > 2:
        sampler = ConstrainedSampler("greedy", automaton)
        with pytest.raises(ValueError, match=f"answer, {length} tokens"):
            ToyModel(1).sample(sampler, [spell("x")], length - 1)


def test_its_configuration_rebuilds_it():
    automaton = a_bs_then_c()
    config = json.loads(
        json.dumps(keras.saving.serialize_keras_object(automaton))
    )
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == automaton.get_config()


def test_edges_with_the_end_token_are_left_out():
    automaton = TokenAutomaton.from_transitions(
        {0: {A: 1}, 1: {END: 1}}, 0, [1], VOCABULARY, END
    )
    assert automaton.tokens.tolist() == [A]


@pytest.mark.parametrize(
    "arrays",
    [
        ([0, 2], [1, 0], [0, 0], [0]),
        ([0, 2], [1, 1], [0, 0], [0]),
        ([0, 1], [1], [1], [0]),
        ([0, 1], [1], [0], [1]),
        ([0, 2], [1], [0], [0]),
        ([1, 1], [1], [0], [0]),
        ([0, 1], [1], [0, 0], [0]),
        ([0], [], [], []),
    ],
)
def test_refuses_arrays_that_are_no_edges(arrays):
    with pytest.raises(ValueError, match="must be edges by state"):
        TokenAutomaton(*arrays, vocabulary_size=5, end_token_id=4)


def test_takes_a_set_of_accepting_states():
    automaton = TokenAutomaton([0, 1, 1], [1], [1], {1}, 5, 4)
    assert automaton.accepting.tolist() == [1]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("starts", None),
        ("tokens", [1.5]),
        ("targets", ["a"]),
        ("accepting", [[1]]),
        ("initial", "a"),
        ("initial", [0]),
    ],
)
def test_says_which_array_holds_no_integers(name, wrong):
    arrays = {
        "starts": [0, 1, 1],
        "tokens": [1],
        "targets": [1],
        "accepting": [1],
        "initial": 0,
    }
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        TokenAutomaton(
            **{**arrays, name: wrong}, vocabulary_size=5, end_token_id=4
        )


def test_refuses_tokens_that_are_none():
    for token in (-1, 5):
        with pytest.raises(ValueError, match="below `vocabulary_size`, 5"):
            TokenAutomaton([0, 1], [token], [0], [0], 5, 4)
    with pytest.raises(ValueError, match="must not contain the end"):
        TokenAutomaton([0, 1], [4], [0], [0], 5, 4)
    with pytest.raises(ValueError, match="must be edges by state"):
        TokenAutomaton([0, 1], [1], [0], [0], 5, 4, initial=1)


TEXTS = [*"abcdefghij", "ab", "cab", "中", b"\xe4\xb8", b"\xad", None]
SIZE, STOP = len(TEXTS) + 1, TEXTS.index(None)


def bytes_of(tokens):
    texts = [TEXTS[t] for t in tokens]
    return b"".join(t if isinstance(t, bytes) else t.encode() for t in texts)


@needs_outlines
@pytest.mark.parametrize("expression", ["(ab|c){1,3}d?", "[abc]*中", "a*"])
def test_allows_what_goes_on_a_match(expression):
    automaton = Steps(TokenAutomaton.from_regex(expression, TEXTS, SIZE, STOP))
    rng = np.random.default_rng(0)
    state, answers = automaton.initial_state(20), [[] for _ in range(20)]
    for _ in range(12):
        mask = ops.convert_to_numpy(automaton.allowed(state))
        for row, answer in zip(mask, answers, strict=True):
            allowed = set(np.flatnonzero(row).tolist())
            whole = bytes_of(t for t in answer if t != STOP)
            try:
                matches = re.fullmatch(expression, whole.decode())
            except UnicodeDecodeError:
                matches = None
            assert (STOP in allowed) == bool(matches)
            answer.append(int(rng.choice(sorted(allowed))))
        tokens = [answer[-1] for answer in answers]
        state = automaton.advance(state, ops.array(tokens, "int32"))
    assert sum(STOP in answer for answer in answers) > 3


@needs_outlines
def test_all_tokens_of_one_text_are_allowed():
    texts = ["a", "b", b"a", None]
    automaton = TokenAutomaton.from_regex("a", texts, 4, 3)
    assert automaton.tokens.tolist() == [0, 2]


@needs_outlines
def test_generated_answers_match_an_expression():
    automaton = TokenAutomaton.from_regex("(ab|c){1,3}d?", TEXTS, SIZE, STOP)
    model = ToyModel(2, vocabulary=SIZE)
    for sampler in (
        ConstrainedSampler("random", automaton),
        ConstrainedBeamSampler(automaton, 4),
    ):
        rows = model.sample(sampler, [[0], [3, 2]], 10, 0, (STOP,))
        for row, size in zip(rows, (1, 2), strict=True):
            answer = row[size:].tolist()
            text = bytes_of(answer[: answer.index(STOP)]).decode()
            assert re.fullmatch("(ab|c){1,3}d?", text)


@needs_outlines
@pytest.mark.parametrize("expression", ["(", "z", "(?=a)b"])
def test_refuses_what_it_cannot_compile(expression):
    with pytest.raises(ValueError, match="`expression` must be a regular"):
        TokenAutomaton.from_regex(expression, TEXTS, SIZE, STOP)


def test_says_what_to_install_for_expressions(monkeypatch):
    monkeypatch.setitem(sys.modules, "outlines_core", None)
    with pytest.raises(ImportError, match=r"keras-tricks\[grammar\]"):
        TokenAutomaton.from_regex("a", TEXTS, SIZE, STOP)
