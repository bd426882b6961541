"""RelationExtractor: from text to relations."""

import keras
import keras_hub
import numpy as np
import pytest

from keras_tricks.models import RelationExtractor
from keras_tricks.text import Relation
from keras_tricks.text import RelationPreprocessor
from keras_tricks.text import TruncatedTextWarning
from keras_tricks.text import score_relations
from tests.text.vocabularies import bert_tokenizer
from tests.text.vocabularies import word_tokenizer

PREDICATES = ["born in", "met"]
OUTPUTS = {"entities", "heads", "tails"}


def preprocessor(sequence_length=20, overlap=None):
    return RelationPreprocessor(
        bert_tokenizer(), PREDICATES, sequence_length, overlap
    )


def bert_backbone(dtype=None):
    return keras_hub.models.BertBackbone(
        vocabulary_size=40,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=16,
        max_sequence_length=20,
        dropout=0.0,
        dtype=dtype,
    )


def convolution():
    """Sees three tokens to the left and to the right."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(40, 16)(ids)
    x = keras.layers.Conv1D(16, 7, padding="same", activation="tanh")(x)
    return keras.Model(ids, x)


def sentences(count=96):
    """Who was born where and met whom: one, two or no relations each.

    Some stand behind or before another sentence.
    """
    rng = np.random.default_rng(0)
    texts, relations = [], []
    for _ in range(count):
        who, whom = rng.permutation(["Ada", "Bob", "Eve"])[:2]
        where = rng.choice(["London", "Paris", "New York"])
        form, predicates = FORMS[rng.integers(len(FORMS))]
        before, after = rng.choice(["", "The Times."], 2)
        text = f"{before} {form.format(who, where, whom)} {after}".strip()
        places = {"met": whom, "born in": where}
        texts.append(text)
        relations.append(
            [(place(text, who), p, place(text, places[p])) for p in predicates]
        )
    return texts, relations


FORMS = [
    ("{0} was born in {1}.", ["born in"]),
    ("{0} met {2} at the {1} Times.", ["met"]),
    ("{0} was born in {1} and met {2}.", ["born in", "met"]),
    ("{0} and {2} in {1}.", []),
]


def place(text, words):
    return text.index(words), text.index(words) + len(words)


def trained(backbone=convolution, epochs=40, rate=2e-2):
    model = RelationExtractor(
        backbone(), preprocessor(), head_dim=8, name="extractor"
    )
    model.compile(keras.optimizers.Adam(rate))
    model.fit(*sentences(), epochs=epochs, batch_size=48, verbose=0)
    return model


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return trained()


def test_learns_to_extract_from_raw_text(model):
    texts, relations = sentences()
    found = model.extract(texts)
    assert score_relations(found, relations)["f1"] == 1
    some = next(of_text for of_text in found if of_text)[0]
    assert isinstance(some, Relation)
    assert some.score > 0
    assert some.predicate in PREDICATES


def test_what_it_extracts_can_be_given_back_as_labels(model):
    texts, _ = sentences(4)
    logs = model.evaluate(
        texts, model.extract(texts), verbose=0, return_dict=True
    )
    assert logs["heads_f1"] == 1


def test_batches_do_not_change_what_is_found(model):
    texts, _ = sentences(7)
    texts.insert(3, "")
    whole = model.extract(texts, batch_size=8)
    parts = model.extract(texts, batch_size=3)
    assert whole[3] == []
    for one, other in zip(whole, parts, strict=True):
        assert [bare(r) for r in one] == [bare(r) for r in other]
    assert model.extract([]) == []


def bare(relation):
    return relation[0][:4], relation[1], relation[2][:4]


def test_thresholds_decide_what_is_found(model):
    texts, relations = sentences(3)
    assert model.extract(texts, threshold=1e6) == [[]] * 3
    loose = model.extract(texts, threshold=-1e4)
    assert min(len(of_text) for of_text in loose) > 100
    assert score_relations(loose, relations)["recall"] == 1


def test_an_untrained_model_extracts_too():
    model = RelationExtractor(convolution(), preprocessor(8), head_dim=8)
    (found,) = model.extract(["Ada met Bob"], threshold=-1e4)
    assert len(found) == 2 * 6 * 6


def test_long_texts_are_read_in_rows(model):
    sentence = "Ada was born in Paris and met Bob. The Times. "
    together = sentence * 4
    relations = []
    for at in range(0, len(together), len(sentence)):
        relations.append(((at, at + 3), "born in", (at + 16, at + 21)))
        relations.append(((at, at + 3), "met", (at + 30, at + 33)))
    model.preprocessor.spans.overlap = 12
    try:
        (found,) = model.extract([together])
        logs = model.fit(
            [together],
            [relations],
            sample_weight=[0.0],
            validation_data=([together], [relations]),
            verbose=0,
        ).history
    finally:
        model.preprocessor.spans.overlap = None
    keys = [(r.subject[:2], r.predicate, r.object[:2]) for r in found]
    assert len(set(keys)) == len(keys)
    assert set(keys) >= set(relations)
    assert logs["loss"] == [0.0]
    assert logs["val_heads_f1"][0] > 0.5
    with pytest.warns(TruncatedTextWarning, match="1 of 1 texts"):
        model.extract([together])


def test_comes_back_from_its_file(tmp_path):
    model = trained(bert_backbone, epochs=1)
    path = tmp_path / "model.keras"
    model.save(path)
    again = keras.saving.load_model(path)
    texts, relations = sentences(4)
    scores, same = (m.predict(texts, verbose=0) for m in (model, again))
    assert set(scores) == OUTPUTS
    for name in OUTPUTS:
        np.testing.assert_array_equal(scores[name], same[name])
    assert again.name == "extractor"
    assert again.head_dim == 8
    assert again.preprocessor.predicates == tuple(PREDICATES)
    assert again.extract(texts) == model.extract(texts)
    expected = model.evaluate(texts, relations, verbose=0)
    assert again.evaluate(texts, relations, verbose=0) == expected
    again.fit(texts, relations, verbose=0)
    assert again.optimizer.iterations == model.optimizer.iterations + 1


def test_a_tokenizers_tokenizer_comes_back_too(tmp_path):
    model = RelationExtractor(
        convolution(), RelationPreprocessor(word_tokenizer(), PREDICATES, 8)
    )
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    scores, same = (
        m.predict(["Ada met Bob"], verbose=0) for m in (model, again)
    )
    for name in OUTPUTS:
        np.testing.assert_array_equal(scores[name], same[name])


def with_dense_scores(model):
    """The same model and weights, giving scores in place of factors."""
    dense = RelationExtractor(
        model.backbone, model.preprocessor, head_dim=8, factored=False
    )
    dense.set_weights(model.get_weights())
    dense.compile()
    return dense


def test_factored_scores_train_and_extract_alike(model):
    dense = with_dense_scores(model)
    texts, relations = sentences(8)
    np.testing.assert_allclose(
        dense.evaluate(texts, relations, verbose=0),
        model.evaluate(texts, relations, verbose=0),
        rtol=1e-4,
        atol=1e-6,
    )
    found, expected = (m.extract(texts) for m in (model, dense))
    for one, other in zip(found, expected, strict=True):
        assert list(map(bare, one)) == list(map(bare, other))
    assert RelationExtractor.from_config(model.get_config()).factored
    assert not RelationExtractor.from_config(dense.get_config()).factored


def test_takes_preprocessed_features_and_labels(model):
    texts, relations = sentences(4)
    x, y = model.preprocessor(texts, relations)
    x = {name: x[name] for name in ("token_ids", "span_mask")}
    expected = model.evaluate(texts, relations, verbose=0)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(expected)
    for made, shape in (
        (model, (4, 20, 24)),
        (with_dense_scores(model), (4, 2, 20, 20)),
    ):
        scores = made.predict(x, verbose=0)
        assert set(scores) == OUTPUTS
        assert {s.shape for s in scores.values()} == {shape}


def test_links_go_in_both_directions_and_entities_only_forwards(model):
    scores = with_dense_scores(model).predict(
        ["Ada was born in London."], verbose=0
    )
    forbidden = {n: (s < -1e8)[0, 0, 1:4, 1:4] for n, s in scores.items()}
    backwards = np.tri(3, k=-1, dtype=bool)
    np.testing.assert_array_equal(forbidden["entities"], backwards)
    assert not forbidden["heads"].any()
    assert not forbidden["tails"].any()
    # Special tokens and padding hold no characters.
    for of_output in scores.values():
        assert (of_output[0][:, [0, 7, 19]] < -1e8).all()
        assert (of_output[0][..., [0, 7, 19]] < -1e8).all()


def test_the_loss_sums_over_outputs_and_predicates(model):
    texts, relations = sentences(1)
    logs = model.evaluate(texts, relations, verbose=0, return_dict=True)
    scores = with_dense_scores(model).predict(texts, verbose=0)
    _, labels = model.preprocessor(texts, relations)
    total = 0.0
    for name in OUTPUTS:
        for kind, of_kind in enumerate(scores[name][0].astype("float64")):
            gold = np.zeros(of_kind.shape, bool)
            for p, first, last in labels[name][0]:
                gold[first, last] |= p == kind
            total += np.log1p(np.exp(-of_kind[gold]).sum())
            total += np.log1p(np.exp(of_kind[~gold]).sum())
    assert logs["loss"] == pytest.approx(total, rel=1e-3)


def test_half_precision_backbones_give_half_precision_scores():
    model = RelationExtractor(bert_backbone("mixed_bfloat16"), preprocessor())
    model.compile("sgd")
    model.fit(["Ada met Bob."], [[((0, 3), "met", (8, 11))]], verbose=0)
    assert {out.dtype for out in model.outputs} == {"bfloat16"}
    assert all(np.isfinite(w).all() for w in model.get_weights())
    model.extract(["Ada met Bob."])


def test_compiles_with_what_it_is_given():
    model = RelationExtractor(convolution(), preprocessor())
    model.compile()
    assert isinstance(model.optimizer, keras.optimizers.AdamW)
    model.compile("sgd", metrics=[])
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    logs = model.evaluate(["Ada"], [[]], verbose=0, return_dict=True)
    assert set(logs) == {"loss", *(f"{name}_loss" for name in OUTPUTS)}


def test_names_the_bad_argument():
    with pytest.raises(ValueError, match="head_dim=3"):
        RelationExtractor(convolution(), preprocessor(), head_dim=3)
    with pytest.raises(
        ValueError, match=r"20 tokens\. Received: sequence_length"
    ):
        RelationExtractor(bert_backbone(), preprocessor(21))
    model = RelationExtractor(convolution(), preprocessor())
    with pytest.raises(ValueError, match="batch_size=0"):
        model.extract(["Ada"], batch_size=0)
    with pytest.raises(ValueError, match="list of strings"):
        model.extract("Ada met Bob")
    with pytest.raises(ValueError, match="predicate='knows'"):
        model.fit(["Ada met Bob"], [[((0, 3), "knows", (8, 11))]])
