"""SentenceEncoder: from texts to vectors and their similarity."""

import keras
import keras_hub
import numpy as np
import pytest

from keras_tricks.losses import CoSENT
from keras_tricks.metrics import SpearmanCorrelation
from keras_tricks.models import SentenceEncoder
from keras_tricks.text import SentencePreprocessor
from keras_tricks.text import TruncatedTextWarning
from tests.text.vocabularies import bert_tokenizer
from tests.text.vocabularies import word_tokenizer

WORDS = "ada bob eve london paris new york times met was born".split()


def preprocessor(sequence_length=64):
    return SentencePreprocessor(bert_tokenizer(), sequence_length)


def plain_backbone():
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(40, 16)(ids)
    return keras.Model(ids, keras.layers.Dense(16, "tanh")(x))


def bert_backbone(dtype=None, **kwargs):
    return keras_hub.models.BertBackbone(
        vocabulary_size=40,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=16,
        max_sequence_length=64,
        dropout=0.0,
        dtype=dtype,
        **kwargs,
    )


def graded_pairs(count=60, longest=12, seed=0):
    """Pairs graded by how many of their words are people."""
    rng = np.random.default_rng(seed)
    firsts, seconds, grades = [], [], []
    for _ in range(count):
        grade = int(rng.integers(3))
        about = WORDS[:3] if grade else WORDS[3:6]
        other = WORDS[:3] if grade == 2 else WORDS[6:9]
        firsts.append(" ".join(rng.choice(about, rng.integers(1, longest))))
        seconds.append(" ".join(rng.choice(other, rng.integers(1, longest))))
        grades.append(grade)
    return (firsts, seconds), np.array(grades)


def trained(backbone=plain_backbone, epochs=5, **kwargs):
    model = SentenceEncoder(backbone(), preprocessor(), **kwargs)
    model.compile(keras.optimizers.Adam(1e-2))
    pairs, grades = graded_pairs()
    history = model.fit(pairs, grades, epochs=epochs, batch_size=20, verbose=0)
    return model, history.history


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return trained()[0]


def test_learns_the_order_of_grades_from_raw_texts(model):
    pairs, grades = graded_pairs(seed=1)
    logs = model.evaluate(
        pairs, grades, batch_size=20, verbose=0, return_dict=True
    )
    similarity = model.predict(pairs, verbose=0)
    assert similarity.shape == (60,)
    assert similarity.dtype == "float32"
    assert similarity[grades == 2].min() > similarity[grades < 2].max()
    assert logs["spearman_correlation"] > 0.8


def test_similarity_is_the_product_of_vectors(model):
    (firsts, seconds), _ = graded_pairs(15)
    u = model.encode(firsts, batch_size=4, verbose=0)
    v = model.encode(seconds, verbose=0)
    assert u.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(u, axis=1), 1, rtol=1e-6)
    expected = model.predict((firsts, seconds), batch_size=4, verbose=0)
    np.testing.assert_allclose((u * v).sum(axis=1), expected, atol=1e-5)
    table = model.similarity(firsts, seconds[:4], verbose=0)
    assert table.shape == (15, 4)
    np.testing.assert_allclose(table, u @ v[:4].T, atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_vectors_are_pooled_token_features(pooling):
    backbone = plain_backbone()
    model = SentenceEncoder(backbone, preprocessor(), pooling)
    text = "ada met bob in london"
    ids = preprocessor()([text])["token_ids"]
    tokens = backbone.predict_on_batch(ids)[0]
    pooled = {
        "mean": tokens.mean(axis=0),
        "cls": tokens[0],
        "max": tokens.max(axis=0),
    }[pooling]
    expected = pooled / np.linalg.norm(pooled)
    # With a longer one, so that there is padding.
    found = model.encode([text, "eve " * 12], verbose=0)[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_no_texts_are_no_vectors(model):
    assert model.encode([]).shape == (0, 16)
    assert np.isfinite(model.encode([""], verbose=0)).all()


def test_shows_a_progress_bar(model, capsys):
    model.encode(["ada", "bob"], verbose=0)
    assert capsys.readouterr().out == ""
    model.encode(["ada", "bob"], verbose=1)
    assert "1/1" in capsys.readouterr().out


@pytest.mark.parametrize("make", [plain_backbone, bert_backbone])
def test_comes_back_from_its_file(make, tmp_path):
    model, _ = trained(make, epochs=1, pooling="max", name="sentences")
    path = tmp_path / "model.keras"
    model.save(path)
    again = keras.saving.load_model(path)
    pairs, grades = graded_pairs(12, seed=2)
    np.testing.assert_array_equal(
        again.encode(pairs[0], verbose=0), model.encode(pairs[0], verbose=0)
    )
    assert again.pooling == "max"
    assert again.preprocessor.sequence_length == 64
    assert again.optimizer.iterations == model.optimizer.iterations
    expected = model.evaluate(pairs, grades, verbose=0)
    assert again.evaluate(pairs, grades, verbose=0) == pytest.approx(expected)
    again.fit(pairs, grades, verbose=0)


def test_a_tokenizers_tokenizer_will_do():
    model = SentenceEncoder(
        plain_backbone(), SentencePreprocessor(word_tokenizer(), 16)
    )
    assert model.encode(["Ada met Bob"], verbose=0).shape == (1, 16)


def test_takes_features_and_datasets(model):
    pairs, grades = graded_pairs(8)
    sides = [model.preprocessor(side) for side in pairs]
    chosen = tuple(
        {name: side[name] for name in model.feature_names} for side in sides
    )

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            rows = slice(4 * index, 4 * index + 4)
            x = keras.tree.map_structure(lambda of: of[rows], chosen)
            return x, grades[rows]

    def evaluate(*args):
        return model.evaluate(*args, batch_size=8, verbose=0, return_dict=True)[
            "spearman_correlation"
        ]

    expected = evaluate(pairs, grades)
    # More features than the model takes do not matter.
    assert evaluate(tuple(sides), grades) == pytest.approx(expected)
    assert evaluate(Batches()) == pytest.approx(expected)
    similarity = model.predict(pairs, verbose=0)
    for x in (tuple(sides), Batches()):
        found = model.predict(x, verbose=0)
        np.testing.assert_allclose(found, similarity, atol=1e-6)
    model.fit(Batches(), validation_data=Batches(), verbose=0)
    logs = model.fit(pairs, grades, validation_data=(pairs, grades), verbose=0)
    assert "val_spearman_correlation" in logs.history


def test_a_tf_dataset_of_features_will_do(model):
    tf = pytest.importorskip("tensorflow", reason="makes tf.data datasets")
    pairs, grades = graded_pairs(8)
    sides = tuple(
        {name: model.preprocessor(side)[name] for name in model.feature_names}
        for side in pairs
    )
    data = tf.data.Dataset.from_tensor_slices((sides, grades)).batch(4)
    model.fit(data, verbose=0)
    found = model.predict(data.map(lambda x, y: (x,)), verbose=0)
    expected = model.predict(pairs, verbose=0)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_weights_and_order_reach_the_training():
    pairs, grades = graded_pairs(16)
    losses = {}
    for name, options in {
        "plain": {},
        "absent": {"sample_weight": np.zeros(16)},
        "fixed": {"shuffle": False, "batch_size": 4},
        "shuffled": {"batch_size": 4},
    }.items():
        keras.utils.set_random_seed(3)
        model = SentenceEncoder(plain_backbone(), preprocessor())
        model.compile("sgd", metrics=[])
        logs = model.fit(pairs, grades, verbose=0, **options)
        losses[name] = logs.history["loss"][0]
    assert losses["plain"] > 0
    assert losses["absent"] == 0
    assert losses["fixed"] != pytest.approx(losses["plain"], rel=1e-3)
    assert losses["fixed"] != pytest.approx(losses["shuffled"], rel=1e-3)


def test_half_precision_backbones_give_float32_similarities():
    model = SentenceEncoder(bert_backbone("mixed_bfloat16"), preprocessor())
    model.compile("sgd", metrics=[])
    pairs, grades = graded_pairs(8)
    model.fit(pairs, grades, verbose=0)
    assert model.output.dtype == "float32"
    assert model.encode(["ada"], verbose=0).dtype == np.float32
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_compiles_with_what_it_is_given():
    model = SentenceEncoder(plain_backbone(), preprocessor())
    model.compile()
    assert isinstance(model.optimizer, keras.optimizers.AdamW)
    assert isinstance(model.loss, CoSENT)
    assert isinstance(model.auto_metrics()[0], SpearmanCorrelation)
    model.compile("sgd", "mse", metrics=[])
    pairs, grades = graded_pairs(4)
    logs = model.evaluate(pairs, grades, verbose=0, return_dict=True)
    assert set(logs) == {"loss"}


def test_takes_the_pooling_that_a_preset_was_trained_with(tmp_path):
    task = keras_hub.models.BertTextEmbedder(
        bert_backbone(),
        keras_hub.models.BertTextEmbedderPreprocessor(bert_tokenizer(), 64),
        pooling_mode="cls",
    )
    task.save_to_preset(str(tmp_path))
    model = SentenceEncoder.from_preset(str(tmp_path), 32)
    assert model.pooling == "cls"
    assert model.preprocessor.sequence_length == 32
    expected = task.predict(["ada met bob"], verbose=0)
    np.testing.assert_allclose(
        model.encode(["ada met bob"], verbose=0), expected, atol=1e-5
    )
    chosen = SentenceEncoder.from_preset(str(tmp_path), 64, pooling="max")
    assert chosen.pooling == "max"


def test_takes_a_preset_of_a_family_without_an_embedder(tmp_path):
    backbone = keras_hub.models.DistilBertBackbone(
        vocabulary_size=40,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=16,
        max_sequence_length=128,
    )
    backbone.save_to_preset(str(tmp_path))
    keras_hub.models.DistilBertTokenizer(
        vocabulary=bert_tokenizer().get_vocabulary()
    ).save_to_preset(str(tmp_path))
    model = SentenceEncoder.from_preset(str(tmp_path))
    assert model.pooling == "mean"
    assert model.encode(["ada"], verbose=0).shape == (1, 16)


def test_names_the_bad_argument(model):
    pairs, grades = graded_pairs(4)
    with pytest.raises(ValueError, match="pooling='last'"):
        SentenceEncoder(plain_backbone(), preprocessor(), "last")
    with pytest.raises(ValueError, match=r"64 tokens\. Received"):
        SentenceEncoder(bert_backbone(), preprocessor(65))
    for x in (pairs[0], "ada", ["ada", "bob"], (pairs[0],)):
        with pytest.raises(ValueError, match="`x` must be a pair"):
            model.fit(x, grades)
    with pytest.raises(ValueError, match="4 first and 3 second texts"):
        model.predict((pairs[0], pairs[1][:3]))
    with pytest.raises(ValueError, match="0 first and 0 second texts"):
        model.predict(([], []))
    with pytest.raises(ValueError, match=r"`y` must hold one number"):
        model.fit(pairs, grades[:3])
    with pytest.raises(ValueError, match="`sample_weight` must hold one"):
        model.evaluate(pairs, grades, sample_weight=[1.0])
    with pytest.raises(ValueError, match=r"without \['padding_mask'\]"):
        model.predict(({"token_ids": np.ones((2, 3))}, pairs[1][:2]))
    with pytest.raises(ValueError, match="batch_size=0"):
        model.encode(pairs[0], batch_size=0)
    with pytest.raises(ValueError, match="list of strings"):
        model.encode("ada")
    with pytest.warns(TruncatedTextWarning, match="1 of 1 texts"):
        model.encode(["ada " * 70], verbose=0)
