"""Saved models load, and answer alike, where only the package is imported."""

import importlib.util
import os
import subprocess
import sys

import keras
import keras_hub
import numpy as np

from keras_tricks.layers import EfficientGlobalPointer
from keras_tricks.layers import GlobalPointer
from keras_tricks.losses import MultilabelCrossentropy
from keras_tricks.losses import SpanCrossentropy
from keras_tricks.metrics import SpanF1
from keras_tricks.models import SpanExtractor
from keras_tricks.text import SpanPreprocessor
from tests.text.vocabularies import bert_tokenizer

CODE = """
import sys
import keras
import numpy as np
import keras_tricks

folder = sys.argv[1]
x = np.load(f"{folder}/x.npy")
answers = {}
for name in ("efficient", "standard"):
    model = keras.saving.load_model(f"{folder}/{name}.keras")
    answers[name] = np.asarray(model.predict(x, verbose=0))
    assert model.loss is not None
extractor = keras.saving.load_model(f"{folder}/extractor.keras")
answers["extractor"] = np.asarray(extractor.predict(["Ada met Bob"], verbose=0))
spans = extractor.extract(["Ada met Bob"], threshold=-100)[0]
answers["spans"] = np.array([s[:2] for s in spans])
np.savez(f"{folder}/answers.npz", **answers)
"""


def scorer(layer, loss, metric):
    inputs = keras.Input((4, 6))
    model = keras.Model(inputs, layer(inputs))
    model.compile("adam", loss, metrics=[metric])
    return model


def test_saved_models_answer_alike_in_a_fresh_process(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 4, 6)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    models = {
        "efficient": scorer(
            EfficientGlobalPointer(2, 4, kernel_regularizer="l2"),
            SpanCrossentropy("sum"),
            SpanF1("macro", num_types=2),
        ),
        "standard": scorer(
            GlobalPointer(2, 4, ordered=False),
            MultilabelCrossentropy(axis=(-2, -1)),
            SpanF1(),
        ),
    }
    expected = {}
    for name, model in models.items():
        model.save(tmp_path / f"{name}.keras")
        expected[name] = model.predict(x, verbose=0)
    backbone = keras_hub.models.BertBackbone(40, 1, 2, 16, 16, 0.0, 16)
    preprocessor = SpanPreprocessor(bert_tokenizer(), ["a", "b"], 8)
    extractor = SpanExtractor(backbone, preprocessor, head_dim=4)
    extractor.compile()
    extractor.save(tmp_path / "extractor.keras")
    expected["extractor"] = extractor.predict(["Ada met Bob"], verbose=0)
    spans = extractor.extract(["Ada met Bob"], threshold=-100)[0]
    expected["spans"] = np.array([s[:2] for s in spans])

    for backend in (keras.config.backend(), another_backend()):
        answers = run(backend, tmp_path)
        assert set(answers) == set(expected)
        for name, answer in answers.items():
            np.testing.assert_allclose(
                answer, expected[name], rtol=1e-4, atol=1e-5
            )


def another_backend():
    """A backend that is installed beside this one; this one if none is."""
    others = {
        "tensorflow": ("torch", "jax"),
        "torch": ("jax", "tensorflow"),
        "jax": ("tensorflow", "torch"),
    }
    this = keras.config.backend()
    installed = (n for n in others[this] if importlib.util.find_spec(n))
    return next(installed, this)


def run(backend, folder):
    subprocess.run(
        [sys.executable, "-c", CODE, str(folder)],
        env={**os.environ, "KERAS_BACKEND": backend},
        check=True,
        capture_output=True,
        text=True,
    )
    return np.load(folder / "answers.npz")
