"""The README's code runs, on a preset that needs no download."""

import re
from pathlib import Path

import keras_hub
import numpy as np
import pytest

from keras_tricks.models import SpanExtractor
from tests.text.vocabularies import bert_tokenizer

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)


@pytest.fixture
def preset(tmp_path):
    """A folder that holds a tiny BERT, as `from_preset` takes it."""
    keras_hub.models.BertBackbone(40, 1, 2, 16, 16, 0.0, 128).save_to_preset(
        tmp_path / "preset"
    )
    bert_tokenizer().save_to_preset(tmp_path / "preset")
    return str(tmp_path / "preset")


def test_entities_in_ten_lines(preset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    code = BLOCKS[0].replace("bert_base_en", preset).replace("epochs=10", "")
    exec(code, names)
    for text, spans in zip(names["texts"], names["spans"], strict=True):
        for start, end, _ in spans:
            assert text[start:end] in (
                "Ada Lovelace",
                "London",
                "Paris",
                "France",
            )
    assert isinstance(names["model"], SpanExtractor)
    assert (tmp_path / "extractor.keras").exists()


def test_sentences_in_ten_lines(preset):
    names = {}
    code = BLOCKS[1].replace("bert_base_en", preset).replace("epochs=4", "")
    exec(code, names)
    assert names["vectors"].shape == (1, 16)
    assert np.linalg.norm(names["vectors"]) == pytest.approx(1, abs=1e-6)
    # The best of two pairs: one of them, or all, is taken.
    assert names["rule"].score in (pytest.approx(2 / 3), 1)


def test_layers_without_keras_hub():
    names = {}
    exec(BLOCKS[2], names)
    ids = np.zeros((2, 128), "int32")
    ids[:, :5] = 3
    labels = np.array([[[0, 1, 2]], [[-1, -1, -1]]])
    logs = names["model"].train_on_batch(ids, labels, return_dict=True)
    assert np.isfinite(logs["loss"])
