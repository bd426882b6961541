"""The frozen lower layers of a BERT encoder, run once for each input."""

import keras
import numpy as np

from keras_tricks.text import SentencePreprocessor


class LowerLayers(SentencePreprocessor):
    """Maps texts, or pairs, to places in a table of the layers' outputs.

    It stands where a preprocessor stands: its `token_ids` number the rows of
    the table, in which `upper` looks them up. Dropout is off below, so all runs
    and epochs read the same.

    Args:
        backbone: A KerasHub BERT backbone.
        preprocessor: A `SentencePreprocessor`.
        texts: All texts that will be asked for, or all pairs of them.
        depth: The number of layers that are frozen.
    """

    def __init__(self, backbone, preprocessor, texts, depth):
        super().__init__(preprocessor.tokenizer, preprocessor.sequence_length)
        self.depth = depth
        texts = sorted(set(texts))
        features = preprocessor(*_columns(texts))
        lower = keras.Model(
            backbone.input,
            backbone.get_layer(f"transformer_layer_{depth - 1}").output,
        )
        self.lengths = features["padding_mask"].sum(axis=1)
        self.starts = 1 + np.cumsum(self.lengths) - self.lengths
        self.rows = {text: number for number, text in enumerate(texts)}
        # Row 0 is padding.
        width = lower.output.shape[-1]
        self.table = np.zeros((1 + self.lengths.sum(), width), "float32")
        order = np.argsort(-self.lengths, kind="stable")
        names = [tensor.name for tensor in backbone.inputs]
        for start in range(0, len(order), 64):
            rows = order[start : start + 64]
            longest = self.lengths[rows[0]]
            batch = {name: features[name][rows, :longest] for name in names}
            for row, made in zip(
                rows, lower.predict_on_batch(batch), strict=True
            ):
                length, at = self.lengths[row], self.starts[row]
                self.table[at : at + length] = made[:length]

    def __call__(self, *texts):
        keys = texts[0] if len(texts) == 1 else zip(*texts, strict=True)
        rows = np.array([self.rows[key] for key in keys])
        steps = np.arange(self.lengths[rows].max())[None]
        mask = steps < self.lengths[rows, None]
        ids = np.where(mask, self.starts[rows, None] + steps, 0)
        return {
            "token_ids": ids.astype("int32"),
            "padding_mask": mask.astype("int32"),
        }

    def upper(self, backbone):
        """The encoder from places in the table to token features."""
        ids = keras.Input((None,), dtype="int32", name="token_ids")
        mask = keras.Input((None,), dtype="int32", name="padding_mask")
        lookup = keras.layers.Embedding(*self.table.shape, trainable=False)
        x = lookup(ids)
        lookup.set_weights([self.table])
        for number in range(self.depth, backbone.num_layers):
            layer = backbone.get_layer(f"transformer_layer_{number}")
            x = layer(x, padding_mask=mask)
        return keras.Model({"token_ids": ids, "padding_mask": mask}, x)


def _columns(texts):
    """Texts, or the first texts of pairs and the second ones."""
    if isinstance(texts[0], str):
        return [texts]
    return [list(column) for column in zip(*texts, strict=True)]
