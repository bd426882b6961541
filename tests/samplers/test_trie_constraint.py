"""Constraint and TrieConstraint."""

import json

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras import ops

from keras_tricks.samplers import Constraint
from keras_tricks.samplers import Trie
from keras_tricks.samplers import TrieConstraint
from keras_tricks.samplers import _edges
from tests.samplers.compiled import EXAMPLES
from tests.samplers.compiled import Steps
from tests.samplers.compiled import compile_once
from tests.samplers.toy import random_words
from tests.samplers.words import END
from tests.samplers.words import PAD
from tests.samplers.words import VOCABULARY
from tests.samplers.words import WORDS
from tests.samplers.words import read
from tests.samplers.words import spell


def constraint_of(words, vocabulary=VOCABULARY, end=END):
    return TrieConstraint(Trie([spell(w) for w in words]), vocabulary, end)


def walk(constraint, prefixes):
    """The masks after prefixes of one length, a step at a time."""
    steps = Steps(constraint)
    state = steps.initial_state(len(prefixes))
    for token in np.array(prefixes, "int32").reshape(len(prefixes), -1).T:
        state = steps.advance(state, ops.convert_to_tensor(token))
    return ops.convert_to_numpy(steps.allowed(state))


def letters(mask):
    return [read(np.flatnonzero(row)) for row in mask]


def test_allows_the_letters_that_go_on_a_word():
    constraint = constraint_of(WORDS)
    assert letters(walk(constraint, [[]])) == ["abc"]
    found = walk(constraint, [spell(w) for w in ("be", "ca", "a.", "xx")])
    assert letters(found) == ["ae.", "b", ".", "."]


def test_the_end_stays_the_end_and_what_is_forbidden_too():
    constraint = constraint_of(WORDS)
    rows = [[*spell("a"), END, END], spell("bxe"), [PAD, END, 0]]
    assert letters(walk(constraint, rows)) == [".", ".", "."]


@settings(max_examples=EXAMPLES)
@given(st.integers(0, 10**6), st.integers(0, 3))
def test_equals_the_prefixes_of_the_entries(seed, size):
    rng = np.random.default_rng(seed)
    words = random_words(rng, letters="abz")
    prefixes = ["".join(rng.choice(list("abz"), size)) for _ in range(5)]
    expected = []
    for prefix in prefixes:
        whole = [w + "." for w in words if (w + ".").startswith(prefix)]
        follow = {w[size] for w in whole}
        expected.append("".join(sorted(follow - {"."})) + "." * ("." in follow))
    found = letters(walk(constraint_of(words), list(map(spell, prefixes))))
    assert found == [e or "." for e in expected]


def test_lists_the_children_that_the_mask_allows():
    constraint = Steps(constraint_of(WORDS))
    prefixes = [spell(w) for w in ("be", "ca", "a.", "xx", "be")]
    state = constraint.initial_state(len(prefixes))
    for token in np.array(prefixes, "int32").T:
        state = constraint.advance(state, ops.convert_to_tensor(token))
    mask = ops.convert_to_numpy(constraint.allowed(state))
    for width in (3, 5):
        tokens, states, present = map(
            ops.convert_to_numpy, constraint.candidates(state, width)
        )
        assert tokens.shape == states.shape == present.shape == (5, width)
        for row, allowed in enumerate(mask):
            found = tokens[row][present[row]]
            assert sorted(found.tolist()) == np.flatnonzero(allowed).tolist()
        for n in range(width):
            moved = constraint.advance(state, ops.array(tokens[:, n], "int32"))
            there = ops.convert_to_numpy(moved)[present[:, n]]
            assert there.tolist() == states[present[:, n], n].tolist()
    _, _, present = constraint.candidates(state, 2)
    assert ops.convert_to_numpy(present).sum(axis=1).tolist() == [2, 1, 1, 1, 2]


def test_knows_the_most_children_of_each_level():
    # Of the root; a, b, c; be, ca; bea, bee, cab; and so on.
    assert constraint_of(WORDS).fan_outs == [3, 1, 3, 2, 1, 1, 1, 0]
    assert constraint_of(["", "a"]).fan_outs == [2, 1, 0]


def many_children(rng, vocabulary, end):
    """Entries of two tokens below a wide root and one wide child."""
    tokens = np.setdiff1d(np.arange(vocabulary), [end])
    first = rng.choice(tokens, 700, replace=False)
    second = rng.choice(tokens, 300, replace=False)
    rows = [[int(t)] for t in first] + [[int(first[0]), int(t)] for t in second]
    return rows, sorted(first.tolist()), sorted(second.tolist())


@pytest.mark.parametrize("table", [_edges.MAX_TABLE, 1])
def test_nodes_of_many_children_are_read_whole(table, monkeypatch):
    monkeypatch.setattr(_edges, "MAX_TABLE", table)
    rng, vocabulary, end = np.random.default_rng(0), 2000, 40
    rows, first, second = many_children(rng, vocabulary, end)
    constraint = TrieConstraint(Trie(rows), vocabulary, end)
    assert constraint.edges.num_hubs == (2 if table > 1 else 0)
    mask = walk(constraint, [[]])
    assert np.flatnonzero(mask[0]).tolist() == first
    mask = walk(constraint, [[rows[0][0]], [rows[5][0]], [end]])
    assert np.flatnonzero(mask[0]).tolist() == sorted([*second, end])
    assert np.flatnonzero(mask[1]).tolist() == [end]
    state = constraint.initial_state(vocabulary)
    state = Steps(constraint).advance(
        state, ops.arange(vocabulary, dtype="int32")
    )
    alive = ops.convert_to_numpy(state) != constraint.dead
    assert np.flatnonzero(alive).tolist() == first


@pytest.mark.parametrize("end", [0, 13, END])
def test_any_token_may_be_the_end(end):
    words = [[5, 20], [5], [26]]
    constraint = TrieConstraint(Trie(words), VOCABULARY, end)
    mask = walk(constraint, [[5], [26]])
    assert np.flatnonzero(mask[0]).tolist() == sorted([end, 20])
    assert np.flatnonzero(mask[1]).tolist() == [end]


def test_knows_the_length_of_the_shortest_entry():
    assert constraint_of(["abc", "bcde"]).min_length == 4
    assert constraint_of(["", "a"]).min_length == 1
    assert Constraint(5, 1).min_length == 1


def test_steps_compiled_are_steps_as_they_are():
    constraint = constraint_of(WORDS)

    def two_steps(tokens):
        state = constraint.initial_state(tokens.shape[0])
        for n in range(2):
            state = constraint.advance(state, tokens[:, n])
        return constraint.allowed(state)

    tokens = np.array([spell("be"), spell("ca"), spell("xx")], "int32")
    expected = walk(constraint, tokens)
    found = compile_once(two_steps)(ops.convert_to_tensor(tokens))
    assert ops.convert_to_numpy(found).tolist() == expected.tolist()


def test_looks_up_values_of_answers():
    trie = Trie([spell(w) for w in WORDS], values=WORDS)
    constraint = TrieConstraint(trie, VOCABULARY, END)
    rows = [[*spell("xcab"), END, PAD], [*spell("xbead"), END]]
    found = constraint.read([[*row, PAD][:6] for row in rows], 1)
    assert [trie[entry].tolist() for entry in found] == [["cab"], ["bead"]]
    assert constraint.read([[*spell("cab"), END]]) == [tuple(spell("cab"))]


def test_reads_rows_and_nothing_else():
    constraint = constraint_of(WORDS)
    with pytest.raises(ValueError, match=r"`token_ids` must have shape"):
        constraint.read([1, 2, END])
    with pytest.raises(ValueError, match="`start` must be"):
        constraint.read([[1, 2, END]], start=[0, 1])


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_states_and_tokens_are_integers_of_any_size(dtype):
    constraint = constraint_of(WORDS)
    node = constraint.trie.node(spell("be"))
    state = ops.convert_to_tensor(np.array([node], dtype))
    token = ops.convert_to_tensor(np.array(spell("a"), dtype))
    assert letters(ops.convert_to_numpy(constraint.allowed(state))) == ["ae."]
    for moved in (
        constraint.advance(state, token),
        constraint.candidates(state, 3)[1][:, 1],
    ):
        assert keras.backend.standardize_dtype(moved.dtype) == "int32"
        assert ops.convert_to_numpy(moved).tolist() == [
            constraint.trie.node(spell("bea"))
        ]


def test_stop_tokens_below_zero_are_no_tokens_of_entries():
    constraint = TrieConstraint(Trie([[5]]), 6, 1)
    constraint.check_stop_tokens((1, -1))


def test_the_base_allows_everything():
    constraint = Constraint(4, 0)
    state = constraint.advance(constraint.initial_state(2), np.array([1, 2]))
    assert ops.convert_to_numpy(constraint.allowed(state)).all()
    assert constraint.variables == []
    again = Constraint.from_config(constraint.get_config())
    assert (again.vocabulary_size, again.end_token_id) == (4, 0)


def test_its_configuration_rebuilds_it():
    constraint = constraint_of(WORDS)
    config = keras.saving.serialize_keras_object(constraint)
    again = keras.saving.deserialize_keras_object(
        json.loads(json.dumps(config))
    )
    assert list(again.trie) == list(constraint.trie)


def test_names_the_bad_argument():
    trie = Trie([[1, 5, 2], [1]])
    with pytest.raises(ValueError, match="at least one entry"):
        TrieConstraint(Trie([]), 9, 0)
    with pytest.raises(ValueError, match="below `vocabulary_size`, 5"):
        TrieConstraint(trie, 5, 0)
    with pytest.raises(ValueError, match=r"contain the end token.*\[5\]"):
        TrieConstraint(trie, 9, 5)
    for wrong in (None, -1, 9, 1.0, True):
        with pytest.raises(ValueError, match="`end_token_id` must be a token"):
            TrieConstraint(trie, 9, wrong)
    with pytest.raises(ValueError, match="`vocabulary_size` must be"):
        TrieConstraint(trie, 0, 0)
