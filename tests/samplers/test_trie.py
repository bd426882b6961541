"""Trie."""

import io
import json
import zipfile

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.samplers import Trie
from tests.samplers.words import WORDS
from tests.samplers.words import read
from tests.samplers.words import spell


def level_order(entries):
    """Tokens and first children, one prefix at a time."""
    prefixes = {(*e, -1)[:n] for e in entries for n in range(1, len(e) + 2)}
    tokens, first_child, level, count = [-2], [1], [()], 1
    while level:
        below = []
        for prefix in level:
            children = sorted(p for p in prefixes if p and p[:-1] == prefix)
            below += children
            count += len(children)
            first_child.append(count)
        tokens += [p[-1] for p in below]
        level = below
    return tokens, first_child


sequences = st.lists(st.lists(st.integers(0, 2), max_size=5), max_size=12)


@given(sequences, st.sampled_from([1, 15_000, 2**30 - 1]))
def test_arrays_are_the_prefixes_level_by_level(rows, scale):
    rows = [[scale * token for token in row] for row in rows]
    trie = Trie(rows)
    tokens, first_child = level_order(map(tuple, rows))
    assert trie.tokens.tolist() == tokens
    assert trie.first_child.tolist() == first_child
    assert trie.num_nodes == len(tokens)
    assert trie.tokens.nbytes + trie.first_child.nbytes == 8 * len(tokens) + 4


@given(sequences, st.lists(st.integers(0, 2), max_size=4))
def test_is_a_container_of_its_entries(rows, prefix):
    trie = Trie(rows)
    entries = sorted(set(map(tuple, rows)), key=lambda e: (len(e), e))
    assert list(trie) == entries
    assert len(trie) == len(entries)
    assert [trie.entry(i) for i in range(len(trie))] == entries
    assert [trie.find(e) for e in entries] == list(range(len(entries)))
    size = len(prefix)
    below = [e for e in entries if e[:size] == tuple(prefix)]
    assert list(trie.below(prefix)) == below
    assert (prefix in trie) == (tuple(prefix) in entries)


@given(sequences)
def test_keeps_the_values_of_equal_sequences_in_their_order(rows):
    trie = Trie(rows, [f"value {i}" for i in range(len(rows))])
    for entry in map(tuple, rows):
        mine = [f"value {i}" for i, r in enumerate(rows) if tuple(r) == entry]
        assert trie[entry].tolist() == mine
        assert trie.values_of(trie.find(entry)).tolist() == mine


def test_numbers_the_sequences_without_values():
    trie = Trie([spell(word) for word in (*WORDS, "bee")])
    assert trie[spell("bee")].tolist() == [0, 6]
    assert trie[spell("cabbed")].tolist() == [4]


def test_sorts_long_rows_of_many_columns():
    rng = np.random.default_rng(0)
    stems = rng.integers(0, 3, (5, 70))
    rows = [
        np.append(
            stems[rng.integers(5)], rng.integers(0, 90_000, rng.integers(3))
        )
        for _ in range(300)
    ]
    trie = Trie(rows)
    entries = {tuple(row.tolist()) for row in rows}
    assert list(trie) == sorted(entries, key=lambda e: (len(e), e))


def test_takes_an_array_of_rows():
    rows = np.array([[3, 1, 2], [3, 1, 1]], "int16")
    assert list(Trie(rows)) == [(3, 1, 1), (3, 1, 2)]


def test_takes_strings_with_a_tokenizer():
    trie = Trie.from_texts(WORDS, spell, values=WORDS)
    assert [read(entry) for entry in trie.below(spell("be"))] == [
        "be",
        "bee",
        "bead",
    ]
    assert trie[spell("cab")].tolist() == ["cab"]


def test_one_string_is_no_list_of_strings():
    with pytest.raises(ValueError, match="`texts` must be"):
        Trie.from_texts("bee", spell)


def test_numbers_beyond_the_entries_are_no_entries():
    trie = Trie([[1], [2]])
    for number in (-1, 2):
        with pytest.raises(IndexError, match=f"from 0 to 1.*{number}"):
            trie.entry(number)
        with pytest.raises(IndexError, match=f"from 0 to 1.*{number}"):
            trie.values_of(number)


def test_may_be_empty_or_hold_the_empty_sequence():
    assert len(Trie([])) == 0
    assert list(Trie([])) == []
    assert [] not in Trie([])
    assert Trie([]).find([1]) == -1
    trie = Trie([[], [4]])
    assert list(trie) == [(), (4,)]
    assert trie[()].tolist() == [0]


def test_what_is_no_entry_is_not_found():
    trie = Trie([spell(word) for word in WORDS])
    for wrong in (spell("beef"), [-1], [*spell("be"), -1], [99], [2**40]):
        assert wrong not in trie
    with pytest.raises(KeyError):
        trie[spell("bea")]


def test_cannot_be_changed():
    trie = Trie([[1]])
    with pytest.raises(ValueError, match="read-only"):
        trie.tokens[0] = 3


def test_its_configuration_rebuilds_it():
    trie = Trie([[1], [2, 1], [1]], ["x", "y", "z"])
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trie)))
    again = keras.saving.deserialize_keras_object(config)
    assert list(again) == list(trie)
    assert again.values.tolist() == trie.values.tolist()
    assert again[[1]].tolist() == ["x", "z"]


@pytest.mark.parametrize("values", [None, [1.5, 2.5, 3.5], ["é", "b", "c"]])
def test_saves_and_loads_without_pickle(tmp_path, values):
    trie = Trie([[1, 2], [1], [1]], values)
    trie.save(tmp_path / "trie.npz")
    again = Trie.load(tmp_path / "trie.npz")
    assert again.tokens.tolist() == trie.tokens.tolist()
    assert again[[1]].tolist() == trie[[1]].tolist()
    assert again.values.dtype == trie.values.dtype
    with np.load(tmp_path / "trie.npz", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file)


def test_saves_the_empty_trie(tmp_path):
    Trie([]).save(tmp_path / "trie.npz")
    assert len(Trie.load(tmp_path / "trie.npz")) == 0


def test_refuses_files_that_were_cut_or_altered(tmp_path):
    path = tmp_path / "trie.npz"
    Trie([[1, 2], [1], [3]]).save(path)
    whole = path.read_bytes()
    for size in range(0, len(whole), 61):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="unaltered file"):
            Trie.load(path)
    with np.load(io.BytesIO(whole)) as file:
        arrays = dict(file)
    for name in ("tokens", "first_child", "values", "value_starts"):
        changed = arrays[name].copy()
        changed[-1] += 1
        np.savez(path, **{**arrays, name: changed})
        with pytest.raises(ValueError, match="checksum"):
            Trie.load(path)
        rest = {key: value for key, value in arrays.items() if key != name}
        np.savez(path, **rest)
        with pytest.raises(ValueError, match="unaltered file"):
            Trie.load(path)
    np.save(tmp_path / "trie.npy", arrays["tokens"])
    with pytest.raises(ValueError, match="unaltered file"):
        Trie.load(tmp_path / "trie.npy")
    with pytest.raises(FileNotFoundError):
        Trie.load(tmp_path / "none.npz")


def test_flipped_bits_are_noticed(tmp_path):
    path = tmp_path / "trie.npz"
    trie = Trie([[1, 2], [1], [3]])
    trie.save(path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(
            whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]
        )
        try:
            again = Trie.load(path)
        except ValueError:
            continue
        # A date or a flag of the archive that says nothing of the arrays.
        assert again.tokens.tolist() == trie.tokens.tolist()
        assert again.values.tolist() == trie.values.tolist()


def test_refuses_arrays_that_are_no_tree_under_a_fitting_checksum(tmp_path):
    from keras_tricks.samplers._trie_file import NAMES
    from keras_tricks.samplers._trie_file import save

    class Forged:
        pass

    good = Trie([[1, 2], [1], [3]])
    wrong = {
        "tokens": [np.r_[good.tokens[:1], good.tokens[:0:-1]], good.tokens[:3]],
        "first_child": [
            good.first_child + 1,
            np.where(good.first_child > 3, 10**6, good.first_child),
            good.first_child.astype("int64"),
            np.full_like(good.first_child, good.tokens.size),
        ],
        "value_starts": [
            good.value_starts[:-1],
            good.value_starts * 5,
            np.array([-1, 1, 2, 3], "int32"),
            np.array([0, 0, 2, 3], "int32"),
        ],
    }
    for name, arrays in wrong.items():
        for array in arrays:
            forged = Forged()
            for other in NAMES:
                setattr(forged, other, getattr(good, other))
            setattr(forged, name, array)
            save(forged, tmp_path / "forged.npz")
            with pytest.raises(ValueError, match="no tree"):
                Trie.load(tmp_path / "forged.npz")


def test_pickled_arrays_are_not_read(tmp_path):
    path = tmp_path / "trie.npz"
    np.savez(path, tokens=np.array([{}], object))
    assert zipfile.is_zipfile(path)
    with pytest.raises(ValueError, match="unaltered file"):
        Trie.load(path)


@pytest.mark.parametrize(
    "rows",
    [
        [[1, -1]],
        [[2**31 - 1]],
        [[1.0]],
        ["be"],
        [3],
        [np.array([0.5])],
        [[[1]]],
        np.ones((2, 2, 2), "int32"),
    ],
)
def test_refuses_what_are_no_token_ids(rows):
    with pytest.raises(ValueError, match="`sequences` must be sequences"):
        Trie(rows)


@pytest.mark.parametrize(
    "values", [[1], [[1], [2]], [{}, {}], 3, [1, "a"], [True, b"a"], "ab"]
)
def test_refuses_values_that_do_not_fit(values):
    with pytest.raises(ValueError, match="one for each of the 2 sequences"):
        Trie([[1], [2]], values)
