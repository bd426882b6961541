"""SpanExtractor: from text to spans."""

import itertools

import keras
import keras_hub
import numpy as np
import pytest

from keras_tricks.models import SpanExtractor
from keras_tricks.text import Span
from keras_tricks.text import SpanPreprocessor
from keras_tricks.text import TruncatedTextWarning
from keras_tricks.text import score_spans
from tests.text.vocabularies import bert_tokenizer
from tests.text.vocabularies import word_tokenizer

LABELS = ["person", "place"]


def preprocessor(sequence_length=12, overlap=None):
    return SpanPreprocessor(bert_tokenizer(), LABELS, sequence_length, overlap)


def bert_backbone(dtype=None):
    return keras_hub.models.BertBackbone(
        vocabulary_size=40,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=16,
        max_sequence_length=16,
        dropout=0.0,
        dtype=dtype,
    )


def plain_backbone():
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(40, 16, mask_zero=True)(ids)
    return keras.Model(ids, keras.layers.Dense(16, "tanh")(x))


def sentences(count=48):
    """Texts with one person and one place each."""
    rng = np.random.default_rng(0)
    texts, spans = [], []
    for _ in range(count):
        who = rng.choice(["Ada", "Bob", "Eve"])
        where = rng.choice(["London", "Paris", "New York"])
        text = rng.choice(["{} was born in {}.", "{} met the Times at {}"])
        text = text.format(who, where)
        at = text.index(where)
        texts.append(text)
        spans.append([(0, 3, "person"), (at, at + len(where), "place")])
    return texts, spans


def trained(backbone=plain_backbone, epochs=30, **kwargs):
    model = SpanExtractor(
        backbone(), preprocessor(), head_dim=8, name="extractor", **kwargs
    )
    model.compile(keras.optimizers.Adam(2e-2))
    history = model.fit(*sentences(), epochs=epochs, verbose=0)
    return model, history.history


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return trained()[0]


def test_learns_to_extract_from_raw_text(model):
    texts, spans = sentences(8)
    found = model.extract(texts)
    assert score_spans(found, spans)["f1"] == 1
    span = found[0][0]
    assert isinstance(span, Span)
    assert span.text == texts[0][:3]
    assert span.score > 0


def test_what_it_extracts_can_be_given_back_as_labels(model):
    texts, _ = sentences(4)
    logs = model.evaluate(
        texts, model.extract(texts), verbose=0, return_dict=True
    )
    assert logs["span_f1"] == 1


def test_the_metric_counts_what_extract_gives(model):
    texts, spans = sentences(12)
    spans[0] = []
    spans[1] = spans[1][:1]
    logs = model.evaluate(texts, spans, verbose=0, return_dict=True)
    counted = score_spans(model.extract(texts, batch_size=5), spans)
    for key in ("f1", "precision", "recall"):
        assert logs[f"span_{key}"] == pytest.approx(counted[key], rel=1e-6)


def test_batches_do_not_change_what_is_found(model):
    texts, _ = sentences(7)
    texts.insert(3, "")
    whole = model.extract(texts, batch_size=8)
    parts = model.extract(texts, batch_size=3)
    assert whole[3] == []
    for one, other in zip(whole, parts, strict=True):
        assert [s[:4] for s in one] == [s[:4] for s in other]
    assert model.extract([]) == []


def test_thresholds_and_flat_sets(model):
    texts, _ = sentences(3)
    loose = model.extract(texts, threshold=-1e6)
    assert len(loose[0]) > 10
    flat = model.extract(texts, threshold=-1e6, allow_overlap=False)
    for spans in flat:
        for one, other in itertools.pairwise(spans):
            assert one.end <= other.start
    assert model.extract(texts, threshold=1e6) == [[], [], []]


def test_long_texts_are_read_in_rows(model):
    texts, spans = sentences(6)
    together = " ".join(texts)
    expected, at = [], 0
    for text, of_text in zip(texts, spans, strict=True):
        expected += [(at + a, at + b, label) for a, b, label in of_text]
        at += len(text) + 1
    model.preprocessor.overlap = 6
    try:
        found = model.extract([together, texts[0]])
        logs = model.fit(
            [together],
            [expected],
            sample_weight=[0.0],
            validation_data=(texts, spans),
            verbose=0,
        ).history
    finally:
        model.preprocessor.overlap = None
    assert {s[:3] for s in found[0]} >= set(expected)
    assert len({s[:3] for s in found[0]}) == len(found[0])
    assert logs["loss"] == [0.0]
    assert logs["val_span_f1"][0] > 0.5
    with pytest.warns(TruncatedTextWarning, match="1 of 1 texts"):
        model.extract([together])


@pytest.mark.parametrize("head", ["efficient", "standard"])
def test_comes_back_from_its_file(head, tmp_path):
    model, _ = trained(bert_backbone, epochs=1, head=head)
    path = tmp_path / "model.keras"
    model.save(path)
    again = keras.saving.load_model(path)
    texts, spans = sentences(4)
    np.testing.assert_array_equal(
        model.predict(texts, verbose=0), again.predict(texts, verbose=0)
    )
    assert again.preprocessor.labels == tuple(LABELS)
    assert again.extract(texts) == model.extract(texts)
    assert again.optimizer.iterations == model.optimizer.iterations
    expected = model.evaluate(texts, spans, verbose=0)
    assert again.evaluate(texts, spans, verbose=0) == expected
    again.fit(texts, spans, verbose=0)


def test_a_tokenizers_tokenizer_comes_back_too(tmp_path):
    model = SpanExtractor(
        plain_backbone(), SpanPreprocessor(word_tokenizer(), LABELS, 8)
    )
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.preprocessor.tokenizer.to_str() == word_tokenizer().to_str()
    np.testing.assert_array_equal(
        model.predict(["Ada met Bob"], verbose=0),
        again.predict(["Ada met Bob"], verbose=0),
    )


def roformer():
    return keras_hub.models.RoformerV2Backbone(
        vocabulary_size=40,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=16,
        head_size=8,
    )


def listed():
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    mask = keras.Input((None,), dtype="int32", name="padding_mask")
    x = keras.layers.Embedding(40, 8)(ids)
    scaled = x * keras.ops.cast(mask, x.dtype)[..., None]
    return keras.Model([mask, ids], scaled)


def sequential():
    return keras.Sequential([keras.layers.Embedding(40, 8)])


# KerasHub's RoFormerV2 indexes PyTorch tensors with lists.
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
@pytest.mark.parametrize("make", [bert_backbone, roformer, listed, sequential])
def test_takes_any_encoder(make):
    model = SpanExtractor(make(), preprocessor(), head_dim=4)
    model.compile("sgd")
    model.fit(["Ada met Bob."], [[(0, 3, "person")]], verbose=0)
    assert model.predict(["Ada", "Bob"], verbose=0).shape == (2, 2, 12, 12)


def test_takes_preprocessed_features_and_datasets(model):
    texts, spans = sentences(4)
    x, y = model.preprocessor(texts, spans)
    x = {name: x[name] for name in ("token_ids", "span_mask")}

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            rows = slice(2 * index, 2 * index + 2)
            return {k: v[rows] for k, v in x.items()}, y[rows]

    expected = model.evaluate(texts, spans, verbose=0)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(expected)
    assert model.evaluate(Batches(), verbose=0) == pytest.approx(expected)


def test_half_precision_backbones_give_half_precision_scores():
    model = SpanExtractor(bert_backbone("mixed_bfloat16"), preprocessor())
    model.compile("sgd")
    model.fit(["Ada met Bob."], [[(0, 3, "person")]], verbose=0)
    assert model.output.dtype == "bfloat16"
    assert all(np.isfinite(w).all() for w in model.get_weights())
    model.extract(["Ada met Bob."])


def test_compiles_with_what_it_is_given():
    model = SpanExtractor(plain_backbone(), preprocessor())
    model.compile()
    assert isinstance(model.optimizer, keras.optimizers.AdamW)
    model.compile("sgd", metrics=[])
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    logs = model.evaluate(["Ada"], [[]], verbose=0, return_dict=True)
    assert set(logs) == {"loss"}


def test_names_the_bad_argument():
    with pytest.raises(ValueError, match="head='crf'"):
        SpanExtractor(plain_backbone(), preprocessor(), head="crf")
    with pytest.raises(
        ValueError, match=r"16 tokens\. Received: sequence_length"
    ):
        SpanExtractor(bert_backbone(), preprocessor(17))
    ids = keras.Input((None,), dtype="int32")
    flat = keras.layers.GlobalMaxPooling1D()(keras.layers.Embedding(9, 4)(ids))
    with pytest.raises(ValueError, match=r"`\(batch, length, features\)`"):
        SpanExtractor(keras.Model(ids, flat), preprocessor())
    odd = keras.Input((None,), dtype="int32", name="odd")
    pair = keras.Model([ids, odd], keras.layers.Embedding(9, 4)(ids))
    with pytest.raises(ValueError, match="must be named among"):
        SpanExtractor(pair, preprocessor())
    model = SpanExtractor(plain_backbone(), preprocessor())
    with pytest.raises(ValueError, match="batch_size=0"):
        model.extract(["Ada"], batch_size=0)
    with pytest.raises(ValueError, match="list of strings"):
        model.extract("Ada met Bob")


def test_factored_scores_train_and_extract_alike(tmp_path):
    keras.utils.set_random_seed(1)
    dense, history = trained(epochs=3)
    keras.utils.set_random_seed(1)
    packed, other = trained(epochs=3, factored=True)
    np.testing.assert_allclose(other["loss"], history["loss"], rtol=1e-3)
    assert packed.output_shape == (None, None, None)
    packed.set_weights(dense.get_weights())
    texts, spans = sentences(4)
    for one, other in zip(
        dense.extract(texts), packed.extract(texts), strict=True
    ):
        assert [s[:4] for s in one] == [s[:4] for s in other]
    expected = dense.evaluate(texts, spans, verbose=0)
    assert packed.evaluate(texts, spans, verbose=0) == pytest.approx(expected)
    packed.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.extract(texts) == packed.extract(texts)
    with pytest.raises(ValueError, match="head='standard'"):
        trained(head="standard", factored=True)
