"""Texts as rows of tokens, which preprocessors make and decoders read."""

from typing import NamedTuple

import numpy as np


class TruncatedTextWarning(UserWarning):
    """Texts whose ends the model cannot be shown."""


class TokenizedTexts(NamedTuple):
    """Texts as rows of tokens.

    Attributes:
        features: Dict of int32 arrays `(rows, sequence_length)`: `token_ids`,
            `segment_ids` (zeros), `padding_mask` (1 for tokens) and
            `span_mask` (1 for tokens that hold characters of the text).
        offsets: Int32 array `(rows, sequence_length, 2)`: start and end
            (exclusive) of each token in its text, 0, 0 without characters.
        rows: Int array `(rows,)`: which text a row is from.
    """

    features: dict[str, np.ndarray]
    offsets: np.ndarray
    rows: np.ndarray
