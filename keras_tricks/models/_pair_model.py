"""What models of pairs of texts share."""

from typing import Any

import keras

from keras_tricks.models._pairs import read_pair
from keras_tricks.models._pairs import read_targets
from keras_tricks.models._text_model import TextModel
from keras_tricks.text.length_batches import LengthBatches


class PairModel(TextModel):
    """Base of models that take a pair of lists of raw texts.

    Its preprocessor maps a list of texts to features, and its inputs are a pair
    of dicts of them.
    """

    @property
    def feature_names(self) -> list[str]:
        """The features that each side of the inputs has."""
        raise NotImplementedError

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        validation_data: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Train as `keras.Model.fit` does, on pairs of texts and their labels.

        Args:
            x: Pair of lists of texts, the first and the second ones; or a pair
                of features, or a dataset of such pairs and labels. Defaults to
                `None`.
            y: Labels, any ordered numbers. Defaults to `None`.
            batch_size: Pairs in a batch. `CoSENT` compares pairs of one batch,
                so larger ones say more. Defaults to `32`.
            shuffle: Whether to shuffle each epoch. Defaults to `True`.
            sample_weight: Optional, one weight per pair. Defaults to `None`.
            validation_data: Optional, a pair like `(x, y)` or a dataset.
                Defaults to `None`.
            **kwargs: Further arguments of `keras.Model.fit`.
        """
        data, given = self._batches(x, y, sample_weight, batch_size, shuffle)
        if isinstance(validation_data, (tuple, list)):
            x_val, *rest = validation_data
            y_val, weight = [*rest, None, None][:2]
            validation_data, _ = self._batches(x_val, y_val, weight, batch_size)
        # Our batches shuffle themselves; Keras shuffles those of a `PyDataset`,
        # and warns where it is asked to and cannot.
        own = data is not x
        can_shuffle = isinstance(data, keras.utils.PyDataset) and not own
        given["shuffle"] = shuffle and can_shuffle
        given["validation_data"] = validation_data
        return keras.Model.fit(self, data, **given, **kwargs)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        *,
        batch_size: int = 32,
        sample_weight: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Evaluate as `keras.Model.evaluate` does, on pairs and labels."""
        x, given = self._batches(x, y, sample_weight, batch_size)
        return keras.Model.evaluate(self, x, **given, **kwargs)

    def predict(self, x: Any, *, batch_size: int = 32, **kwargs: Any) -> Any:
        """Similarities of pairs of texts, or of features, or of a dataset."""
        data, _ = self._batches(x, batch_size=batch_size)
        similarity = keras.Model.predict(self, data, **kwargs)
        return similarity if data is x else data.restore(similarity)

    def _batches(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int = 32,
        shuffle: bool = False,
    ) -> tuple[Any, dict[str, Any]]:
        """Batches of pairs; anything else as it is, with what goes with it."""
        pair = read_pair(x, self.preprocessor, self.feature_names)
        if pair is None:
            return x, {"y": y, "sample_weight": sample_weight}
        count = len(pair[0]["padding_mask"])
        y = read_targets("y", y, count)
        weight = read_targets("sample_weight", sample_weight, count)
        return LengthBatches(pair, y, weight, batch_size, shuffle), {}
