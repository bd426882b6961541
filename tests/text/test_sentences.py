"""SentencePreprocessor and LengthBatches: sentences as rows and batches."""

import json
import warnings

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.text import LengthBatches
from keras_tricks.text import SentencePreprocessor
from keras_tricks.text import SpanPreprocessor
from keras_tricks.text import TruncatedTextWarning
from tests.text.vocabularies import bert_tokenizer
from tests.text.vocabularies import word_tokenizer


def spelt(features, tokenizer):
    words = [
        tokenizer.id_to_token(i) for i in range(tokenizer.vocabulary_size())
    ]
    return [
        " ".join(words[i] for i in row[: mask.sum()])
        for row, mask in zip(
            features["token_ids"], features["padding_mask"], strict=True
        )
    ]


def test_one_text_has_special_tokens_around_it():
    tokenizer = bert_tokenizer()
    features = SentencePreprocessor(tokenizer)(["Ada met Bob.", "", "Eve"])
    assert spelt(features, tokenizer) == [
        "[CLS] ada met bob . [SEP]",
        "[CLS] [SEP]",
        "[CLS] eve [SEP]",
    ]
    assert features["token_ids"].shape == (3, 6)
    assert features["segment_ids"].sum() == 0
    assert {of.dtype.name for of in features.values()} == {"int32"}
    assert (features["token_ids"][2, 3:] == tokenizer.pad_token_id).all()


def test_rows_are_those_of_the_span_preprocessor():
    texts = ["Ada was born in London.", "北京大学", "un unable", "Bob"]
    for tokenizer in (bert_tokenizer(), word_tokenizer()):
        found = SentencePreprocessor(tokenizer, 16)(texts)
        expected = SpanPreprocessor(tokenizer, ["x"], 16)(texts)
        length = found["token_ids"].shape[1]
        for name, of in found.items():
            np.testing.assert_array_equal(of, expected[name][:, :length])


def test_two_texts_are_read_as_one():
    tokenizer = bert_tokenizer()
    features = SentencePreprocessor(tokenizer)(["Ada met Bob"], ["Eve"])
    assert spelt(features, tokenizer) == ["[CLS] ada met bob [SEP] eve [SEP]"]
    assert features["segment_ids"].tolist() == [[0, 0, 0, 0, 0, 1, 1]]


def test_the_longer_text_is_cut():
    tokenizer = bert_tokenizer()
    preprocessor = SentencePreprocessor(tokenizer, 7)
    with pytest.warns(TruncatedTextWarning, match="1 of 2 texts have more"):
        features = preprocessor(["Ada met Bob", "Bob"], ["Eve met", "Eve"])
    assert spelt(features, tokenizer)[0] == "[CLS] ada met [SEP] eve met [SEP]"
    with pytest.warns(TruncatedTextWarning):
        features = preprocessor(["Bob"], ["Eve met Ada London"])
    assert spelt(features, tokenizer) == ["[CLS] bob [SEP] eve met ada [SEP]"]
    with pytest.warns(TruncatedTextWarning, match=r"the longest 6"):
        features = preprocessor(["ada bob eve london paris new"])
    assert spelt(features, tokenizer) == [
        "[CLS] ada bob eve london paris [SEP]"
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        preprocessor(["ada bob eve london paris"])


def test_no_texts_are_no_rows():
    features = SentencePreprocessor(bert_tokenizer())([])
    assert features["token_ids"].shape[0] == 0
    bare = SentencePreprocessor(word_tokenizer(special=False))([""])
    assert bare["padding_mask"].tolist() == [[0]]


def test_comes_back_from_its_config(tmp_path):
    for tokenizer in (bert_tokenizer(), word_tokenizer()):
        preprocessor = SentencePreprocessor(tokenizer, 9)
        config = keras.saving.serialize_keras_object(preprocessor)
        config = json.loads(json.dumps(config))
        again = keras.saving.deserialize_keras_object(config)
        preprocessor.save_assets(str(tmp_path))
        again.load_assets(str(tmp_path))
        assert again.sequence_length == 9
        np.testing.assert_array_equal(
            again(["Ada met"])["token_ids"],
            preprocessor(["Ada met"])["token_ids"],
        )


def rows_of(lengths, width):
    """Features whose token ids are the numbers of their rows, from 1."""
    mask = (np.arange(width) < np.array(lengths)[:, None]).astype("int32")
    ids = mask * (1 + np.arange(len(lengths)))[:, None]
    return {"token_ids": ids, "padding_mask": mask}


@given(
    st.lists(st.integers(1, 70), min_size=1, max_size=30),
    st.integers(1, 7),
    st.booleans(),
)
def test_each_row_comes_once_and_whole(lengths, batch_size, shuffle):
    x = rows_of(lengths, 75)
    other = rows_of(lengths[::-1], 80)
    labels = np.arange(len(lengths))
    for sides in (x, (x, other)):
        batches = LengthBatches(
            sides, labels, batch_size=batch_size, shuffle=shuffle
        )
        for _ in range(2):
            seen = []
            for i in range(len(batches)):
                features, of_rows = batches[i]
                parts = [features] if isinstance(sides, dict) else features
                for part, whole in zip(
                    parts,
                    [sides] if isinstance(sides, dict) else sides,
                    strict=True,
                ):
                    found = part["padding_mask"].sum(axis=1)
                    kept = whole["padding_mask"].sum(axis=1)[of_rows]
                    np.testing.assert_array_equal(found, kept)
                seen.append(of_rows)
            seen = np.concatenate(seen)
            assert sorted(seen) == labels.tolist()
            np.testing.assert_array_equal(batches.restore(seen), labels)
            batches.on_epoch_end()


def test_batches_end_with_their_longest_row():
    lengths = [3, 40, 17, 16, 33, 2]
    batches = LengthBatches(rows_of(lengths, 64), batch_size=2)
    shapes = sorted(batches[i][0]["token_ids"].shape for i in range(3))
    assert shapes == [(2, 16), (2, 32), (2, 48)]
    pair = (rows_of([1, 1], 8), rows_of([1, 20], 64))
    ((first, second),) = LengthBatches(pair)[0]
    assert first["token_ids"].shape == (2, 8)
    assert second["token_ids"].shape == (2, 32)


def test_epochs_are_shuffled_by_the_seed():
    def orders(seed):
        keras.utils.set_random_seed(seed)
        batches = LengthBatches(
            rows_of([5] * 20, 8), np.arange(20), batch_size=20, shuffle=True
        )
        first = batches[0][1].tolist()
        batches.on_epoch_end()
        return first, batches[0][1].tolist()

    first, second = orders(1)
    assert first != second
    assert orders(1) == (first, second)
    assert orders(2)[0] != first


def test_weights_travel_with_their_rows():
    weights = np.array([0.5, 2.0, 3.0])
    batches = LengthBatches(
        rows_of([1, 9, 4], 9), np.arange(3), weights, batch_size=3
    )
    _, labels, found = batches[0]
    np.testing.assert_array_equal(found, weights[labels])


@pytest.mark.parametrize("lengths", [[30] * 9 + [5] * 3, [30, 5] * 6])
def test_keras_takes_batches_of_any_lengths(lengths):
    """TensorFlow fixes the shapes that the first two batches agree on."""
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    mask = keras.Input((None,), dtype="int32", name="padding_mask")
    total = keras.ops.sum(keras.ops.cast(ids * mask, "float32"), axis=1)
    last = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Model(
        {"token_ids": ids, "padding_mask": mask}, last(total[:, None])
    )
    model.compile("sgd", lambda y, s: 0.0 * s)
    x = rows_of(lengths, 64)
    batches = LengthBatches(
        x, np.ones(12, "float32"), batch_size=3, shuffle=True
    )
    model.fit(batches, epochs=4, shuffle=False, verbose=0)
    batches = LengthBatches(x, batch_size=3)
    found = batches.restore(model.predict(batches, verbose=0))[:, 0]
    np.testing.assert_array_equal(found, x["token_ids"].sum(axis=1))


def test_names_the_bad_argument():
    with pytest.raises(ValueError, match="sequence_length=2"):
        SentencePreprocessor(bert_tokenizer(), 2)(["Ada"])
    with pytest.raises(ValueError, match="sequence_length=3"):
        SentencePreprocessor(bert_tokenizer(), 3)(["Ada"], ["Bob"])
    with pytest.raises(ValueError, match="sequence_length=0"):
        SentencePreprocessor(bert_tokenizer(), 0)
    with pytest.raises(ValueError, match="2 texts and 1 seconds"):
        SentencePreprocessor(bert_tokenizer())(["Ada", "Bob"], ["Eve"])
    with pytest.raises(ValueError, match="list of strings"):
        SentencePreprocessor(bert_tokenizer())("Ada")
    with pytest.raises(TypeError, match="`tokenizer` must be"):
        SentencePreprocessor(object())(["Ada"])
    with pytest.raises(ValueError, match="batch_size=0"):
        LengthBatches(rows_of([1], 2), batch_size=0)
    with pytest.raises(ValueError, match="`weights` must come with `labels`"):
        LengthBatches(rows_of([1], 2), weights=np.ones(1))
    with pytest.raises(ValueError, match="`labels` must be an array of real"):
        LengthBatches(rows_of([1, 1], 2), [[], [None]])
