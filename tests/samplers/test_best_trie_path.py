"""best_trie_path."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras import ops

from keras_tricks.samplers import Trie
from keras_tricks.samplers import best_trie_path
from tests.samplers.compiled import EXAMPLES
from tests.samplers.compiled import compile_once
from tests.samplers.toy import random_words
from tests.samplers.words import END
from tests.samplers.words import VOCABULARY
from tests.samplers.words import WORDS
from tests.samplers.words import spell


def every_score(log_probs, trie, end, mean):
    """Scores of all entries, a token at a time."""
    scores = []
    for entry in trie:
        tokens = list(entry)
        if end is not None and len(tokens) < len(log_probs):
            tokens.append(end)
        if len(entry) > len(log_probs):
            scores.append(-np.inf)
            continue
        total = sum(log_probs[t, token] for t, token in enumerate(tokens))
        scores.append(total / max(len(tokens), 1) if mean else total)
    return np.array(scores)


def random_log_probs(rng, batch=3, length=4):
    logits = 2 * rng.normal(size=(batch, length, VOCABULARY))
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


@settings(max_examples=EXAMPLES)
@given(
    st.integers(0, 10**6),
    st.sampled_from([None, END]),
    st.sampled_from(["sum", "mean"]),
)
def test_equals_the_scores_of_all_entries(seed, end, normalization):
    rng = np.random.default_rng(seed)
    words = [*random_words(rng, longest=6), *rng.choice(["", "b"], 1)]
    trie = Trie([spell(w) for w in words])
    log_probs = random_log_probs(rng)
    numbers, scores = best_trie_path(
        log_probs.astype("float32"), trie, len(trie), end, normalization
    )
    for row, number, score in zip(
        log_probs,
        ops.convert_to_numpy(numbers),
        ops.convert_to_numpy(scores),
        strict=True,
    ):
        expected = every_score(row, trie, end, normalization == "mean")
        np.testing.assert_allclose(score, -np.sort(-expected), rtol=1e-5)
        np.testing.assert_allclose(expected[number], score, rtol=1e-5)
        assert sorted(number) == list(range(len(trie)))


def test_runs_compiled_and_in_half_precision():
    trie = Trie([spell(w) for w in WORDS])
    log_probs = random_log_probs(np.random.default_rng(0)).astype("float32")

    def best(x):
        return best_trie_path(x, trie, 2)

    numbers, scores = compile_once(best)(ops.convert_to_tensor(log_probs))
    for row, number, score in zip(log_probs, numbers, scores, strict=True):
        expected = every_score(row, trie, None, False)
        assert int(number[0]) == expected.argmax()
        assert float(score[0]) == pytest.approx(expected.max(), rel=1e-5)
    for dtype in ("float16", "bfloat16"):
        _, scores = best_trie_path(ops.cast(log_probs, dtype), trie)
        assert keras.backend.standardize_dtype(scores.dtype) == "float32"


def test_without_positions_only_the_empty_entry_is_left():
    trie = Trie([[], [1]])
    numbers, scores = best_trie_path(np.zeros((2, 0, 3), "float32"), trie, 2)
    assert ops.convert_to_numpy(numbers)[:, 0].tolist() == [0, 0]
    assert ops.convert_to_numpy(scores).tolist() == [[0, -np.inf]] * 2


def test_names_the_bad_argument():
    trie, log_probs = Trie([[1], [2]]), np.zeros((1, 2, 3), "float32")
    with pytest.raises(ValueError, match="`log_probs` must have shape"):
        best_trie_path(log_probs[0], trie)
    with pytest.raises(ValueError, match="2 entries for num_best=3"):
        best_trie_path(log_probs, trie, 3)
    with pytest.raises(ValueError, match="`num_best` must be"):
        best_trie_path(log_probs, trie, 0)
    with pytest.raises(ValueError, match="`normalization` must be"):
        best_trie_path(log_probs, trie, 1, None, "max")
    with pytest.raises(ValueError, match="Received: token 3"):
        best_trie_path(log_probs, trie, 1, 3)
    with pytest.raises(ValueError, match="Received: token 9"):
        best_trie_path(log_probs, Trie([[9]]))
