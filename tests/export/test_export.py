"""Trained models leave Keras, and answer as they did, where Keras offers it.

| | TensorFlow | JAX | PyTorch |
|---|---|---|---|
| `tf_saved_model` | ✓ | ✓, for shapes it is told | asks for torch_xla |
| `onnx` | as above (tf2onnx) | as above (jax2onnx) | as above (onnxscript) |
| `torch` | – | – | as above |

`GradientNormalization`, which differentiates as it is called, leaves as a
SavedModel, and not as a program of PyTorch.
Models that read text (`SpanExtractor`, `SentenceEncoder`) are exported from
tensors on: tokenisation is Python, and stays outside. `GAN` is exported as its
generator.
"""

import importlib.util

import keras
import keras_hub
import numpy as np
import pytest

from keras_tricks.layers import GradientAggregation
from keras_tricks.layers import GradientNormalization
from keras_tricks.layers import PairFeatures
from keras_tricks.losses import SpanCrossentropy
from keras_tricks.models import SentenceEncoder
from keras_tricks.models import SpanExtractor
from keras_tricks.text import SentencePreprocessor
from keras_tricks.text import SpanPreprocessor
from tests.text.vocabularies import bert_tokenizer

pytestmark = pytest.mark.slow
BACKEND = keras.config.backend()
TEXTS = ["Ada met Bob.", "Eve was born in London."]


def backbone():
    return keras_hub.models.BertBackbone(40, 1, 2, 16, 16, 0.0, 16)


def span_extractor(**arguments):
    preprocessor = SpanPreprocessor(bert_tokenizer(), ["a", "b"], 12)
    model = SpanExtractor(backbone(), preprocessor, head_dim=4, **arguments)
    model.compile("sgd", SpanCrossentropy())
    model.fit(TEXTS, [[(0, 3, "a")], []], verbose=0)
    return model, preprocessor(TEXTS)


def factored_span_extractor():
    return span_extractor(factored=True)


def sentence_encoder():
    preprocessor = SentencePreprocessor(bert_tokenizer(), 12)
    model = SentenceEncoder(backbone(), preprocessor)
    model.compile()
    model.fit((TEXTS, TEXTS[::-1]), np.array([0, 1]), verbose=0)
    return model.encoder, preprocessor(TEXTS)


def rows(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def critic():
    inputs = keras.Input((6,))
    net = keras.Sequential(
        [keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)]
    )
    return keras.Model(inputs, GradientNormalization(net)(inputs)), rows(2, 6)


def of_tasks():
    inputs = keras.Input((6,))
    copies = GradientAggregation(2)(keras.layers.Dense(4)(inputs))
    heads = [keras.layers.Dense(1)(copy) for copy in copies]
    return keras.Model(inputs, heads), rows(2, 6)


def of_pairs():
    inputs = [keras.Input((6,)), keras.Input((6,))]
    features = PairFeatures()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(features))
    return model, [rows(2, 6), rows(2, 6)]


MODELS = (
    span_extractor,
    factored_span_extractor,
    sentence_encoder,
    critic,
    of_tasks,
    of_pairs,
)


def fed(make):
    """A model, and the features that it takes."""
    model, x = make()
    if isinstance(x, dict):
        x = {tensor.name: x[tensor.name] for tensor in model.inputs}
    return model, x


def shapes(x):
    """What the model is told of its input."""
    return keras.tree.map_structure(
        lambda a: keras.InputSpec(shape=a.shape, dtype=str(a.dtype)), x
    )


def answers(outputs):
    flat = keras.tree.flatten(outputs)
    return [np.asarray(keras.ops.convert_to_numpy(x), "float32") for x in flat]


def assert_alike(found, expected):
    for one, other in zip(answers(found), answers(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(BACKEND == "torch", reason="Keras asks for torch_xla")
# Keras 3.15 calls jax2tf as JAX 0.10 no longer wishes.
@pytest.mark.filterwarnings("ignore:The `native_serialization` parameter")
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_a_saved_model_answers_alike(make, tmp_path):
    import tensorflow as tf

    model, x = fed(make)
    expected = model.predict(x, verbose=0)
    # On JAX KerasHub's embedding of positions asks for a length.
    options = {"input_signature": [shapes(x)]} if BACKEND == "jax" else {}
    path = tmp_path / "saved"
    model.export(path, format="tf_saved_model", verbose=False, **options)
    again = tf.saved_model.load(path)
    assert_alike(again.serve(x), expected)


@pytest.mark.skipif(BACKEND != "torch", reason="PyTorch's own format")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "make",
    [make for make in MODELS if make is not critic],
    ids=lambda make: make.__name__,
)
def test_a_program_of_pytorch_answers_alike(make, tmp_path):
    import torch

    model, x = fed(make)
    expected = model.predict(x, verbose=0)
    # Keras 3.15 traces axes of unknown length as of length 1, and the program
    # takes no other: it is told the shapes.
    path = tmp_path / "program.pt2"
    options = {"input_signature": [shapes(x)]}
    model.export(path, format="torch", verbose=False, **options)
    program = torch.export.load(tmp_path / "program.pt2").module()
    x = keras.tree.map_structure(torch.as_tensor, x)
    flat = [x[name] for name in x] if isinstance(x, dict) else [x]
    try:
        found = program(x)
    except (TypeError, ValueError):
        found = program(*flat)
    assert_alike(found, expected)


@pytest.mark.skipif(BACKEND != "torch", reason="PyTorch's own format")
@pytest.mark.filterwarnings("ignore")
def test_pytorch_exports_no_gradient_normalization(tmp_path):
    model, _ = critic()
    with pytest.raises(RuntimeError, match="Failed to export"):
        model.export(tmp_path / "program.pt2", format="torch", verbose=False)


NEEDED = {"tensorflow": "tf2onnx", "jax": "jax2onnx", "torch": "onnxscript"}


@pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None
    or importlib.util.find_spec(NEEDED[BACKEND]) is None,
    reason=f"{NEEDED[BACKEND]} and onnxruntime are not installed",
)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "make",
    [make for make in MODELS if make is not critic],
    ids=lambda make: make.__name__,
)
def test_an_onnx_graph_answers_alike(make, tmp_path):
    import onnxruntime

    model, x = fed(make)
    expected = model.predict(x, verbose=0)
    path = str(tmp_path / "model.onnx")
    # As for programs of PyTorch: axes of unknown length fail in BertBackbone.
    options = {"input_signature": [shapes(x)]}
    model.export(path, format="onnx", verbose=False, **options)
    session = onnxruntime.InferenceSession(path)
    names = [node.name for node in session.get_inputs()]
    flat = keras.tree.flatten(x)
    found = session.run(None, dict(zip(names, flat, strict=True)))
    assert_alike(found, expected)
