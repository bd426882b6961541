"""From texts to vectors whose cosine says how similar the texts are."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_tricks._checks import check_choice
from keras_tricks._checks import check_instance
from keras_tricks.layers.masked_pooling import MODES
from keras_tricks.layers.masked_pooling import MaskedPooling
from keras_tricks.layers.pair_similarity import PairSimilarity
from keras_tricks.losses.cosent import CoSENT
from keras_tricks.metrics.spearman_correlation import SpearmanCorrelation
from keras_tricks.models._encode import encode
from keras_tricks.models._encode import load_embedder
from keras_tricks.models._pair_model import PairModel
from keras_tricks.models._pairs import pair_inputs
from keras_tricks.text.length_batches import LengthBatches
from keras_tricks.text.sentence_preprocessor import SentencePreprocessor
from keras_tricks.text.span import read_texts


@keras.saving.register_keras_serializable(package="keras_tricks")
class SentenceEncoder(PairModel):
    """Maps two texts to their similarity, and one text to a vector.

    One encoder reads both texts, its token features are pooled, and the
    similarity is the cosine of the two vectors:

    ```
    u = pool(backbone(first))   v = pool(backbone(second))
    s = u·v / (‖u‖ ‖v‖)
    ```

    Similarities are trained, so that vectors can be used: texts are encoded
    once, and comparing two of them is a product. `compile()` takes
    `AdamW(5e-5)`, `CoSENT()` and `[SpearmanCorrelation()]`, so any ordered
    labels will do: grades, or 0 and 1. Order is all that `CoSENT` trains; where
    to cut is for `keras_tricks.thresholds.fit_threshold` to say. To train on
    more than 16,384 pairs, raise `max_samples` of the metric or do without.

    `fit`, `evaluate` and `predict` take pairs of raw texts, in batches that are
    padded no further than to their longest text, or what they take in any
    Keras model if you preprocess yourself: pairs of features, a
    `keras.utils.PyDataset` or a `tf.data.Dataset` of them. `model.encoder` is
    the model from features to vectors, to put other heads on.

    When it does not help: to rerank a few candidates. A model that reads both
    texts at once is more accurate, and slower by as many texts as there are.
    `CoSENT` is not always the best loss either: after 960 pairs of the STS
    benchmark, on a MiniLM tuned for similarity before, regression of the cosine
    (`"mse"`, grades from 0 to 1) was 0.9 points of Spearman's correlation ahead
    on test (`benchmarks/sentence_similarity.py`).

    Args:
        backbone: As in `SpanExtractor`.
        preprocessor: A `keras_tricks.text.SentencePreprocessor`.
        pooling: `"mean"`, `"cls"` or `"max"`; see
            `keras_tricks.layers.MaskedPooling`. Defaults to `"mean"`.
        **kwargs: `name` of the model.

    Call arguments:
        inputs: Two dicts, of the first and of the second texts, with the
            backbone's inputs and `padding_mask`, each an int32 tensor
            `(batch, length)`, as the preprocessor gives.

    Returns:
        Float32 similarities `(batch,)`, from −1 to 1.

    Raises:
        ValueError: If the backbone's inputs or outputs do not fit, or it takes
            shorter sequences than the preprocessor makes.

    Example:

    ```python
    preprocessor = SentencePreprocessor(tokenizer, 64)
    model = SentenceEncoder(backbone, preprocessor)
    model.compile()
    model.fit((["A cat naps.", "A dog"], ["A cat sleeps.", "A car"]), [1, 0])
    vectors = model.encode(["A cat sleeps.", "A dog barks."])
    ```

    Reference:
        Su Jianlin, 2022, CoSENT: https://kexue.fm/archives/8847. Reimers and
        Gurevych, 2019, Sentence-BERT: https://arxiv.org/abs/1908.10084.
    """

    def __init__(
        self,
        backbone: Any,
        preprocessor: SentencePreprocessor,
        pooling: str = "mean",
        **kwargs: Any,
    ):
        check_choice("pooling", pooling, MODES)
        check_instance("backbone", backbone, keras.Layer, "a Keras model")
        kind = SentencePreprocessor
        check_instance("preprocessor", preprocessor, kind, f"a {kind.__name__}")
        inputs, features = encode(backbone, preprocessor, "padding_mask")
        # In float32 whatever the backbone's dtype: grades of similarity are
        # finer than half precision.
        pool = MaskedPooling(pooling, dtype="float32", name="pooling")
        vector = pool(features, mask=inputs["padding_mask"])
        encoder = keras.Model(inputs, vector, name="encoder")
        pair = pair_inputs(inputs)
        similarity = PairSimilarity(dtype="float32", name="similarity")
        super().__init__(
            inputs=pair,
            outputs=similarity([encoder(side) for side in pair]),
            **kwargs,
        )
        self.encoder = encoder
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.pooling = pooling

    @classmethod
    def from_preset(
        cls,
        preset: str,
        sequence_length: int = 128,
        pooling: str | None = None,
        **kwargs: Any,
    ) -> "SentenceEncoder":
        """Make an encoder of a pretrained KerasHub one.

        Args:
            preset: Name, `hf://` or `kaggle://` handle, or local folder of a
                KerasHub preset, or of a sentence-transformers checkpoint.
            sequence_length: As in `SentencePreprocessor`. Defaults to `128`.
            pooling: None is what the checkpoint was trained with, where it
                says so, and `"mean"` where not. Defaults to `None`.
            **kwargs: Arguments of the constructor.
        """
        backbone, tokenizer, trained = load_embedder(preset)
        preprocessor = SentencePreprocessor(tokenizer, sequence_length)
        return cls(backbone, preprocessor, pooling or trained, **kwargs)

    @property
    def feature_names(self) -> list[str]:
        return [tensor.name for tensor in self.encoder.inputs]

    def auto_loss(self) -> CoSENT:
        return CoSENT()

    def auto_metrics(self) -> list[SpearmanCorrelation]:
        return [SpearmanCorrelation()]

    def encode(
        self,
        texts: Sequence[str],
        batch_size: int = 32,
        verbose: Any = "auto",
    ) -> np.ndarray:
        """Map texts to vectors of length 1, whose product is their cosine.

        Texts are read in batches of about equal lengths, the longest first, so
        that little is spent on padding.

        Args:
            texts: List of strings.
            batch_size: Texts read at a time. Defaults to `32`.
            verbose: 0 shows nothing, 1 a progress bar, as in
                `keras.Model.predict`. Defaults to `"auto"`.

        Returns:
            Float32 array `(texts, features)`, in the order of the texts.
        """
        features = self.preprocessor(read_texts(texts))
        if not len(features["padding_mask"]):
            return np.zeros((0, self.encoder.output_shape[-1]), "float32")
        x = {name: features[name] for name in self.feature_names}
        batches = LengthBatches(x, batch_size=batch_size)
        vectors = self.encoder.predict(batches, verbose=verbose)
        return _unit_rows(batches.restore(vectors))

    def similarity(
        self, texts: Sequence[str], others: Sequence[str], **kwargs: Any
    ) -> np.ndarray:
        """Compare each text with each of the others.

        Args:
            texts: List of strings.
            others: List of strings.
            **kwargs: Arguments of `encode`.

        Returns:
            Float32 array `(texts, others)` of cosines. For a cosine per pair of
            texts see `predict`.
        """
        return self.encode(texts, **kwargs) @ self.encode(others, **kwargs).T

    def get_config(self) -> dict:
        return {**super().get_config(), "pooling": self.pooling}


def _unit_rows(vectors: np.ndarray) -> np.ndarray:
    # Squares of float32 can overflow; those of float64 made of them cannot.
    norms = np.linalg.norm(vectors.astype("float64"), axis=1, keepdims=True)
    return (vectors / np.where(norms == 0, 1, norms)).astype("float32")
