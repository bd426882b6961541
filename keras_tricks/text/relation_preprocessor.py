"""From texts and relations to model inputs and token labels."""

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_tricks._checks import check_list
from keras_tricks.text._align_relations import LostRelation
from keras_tricks.text._align_relations import align_relations
from keras_tricks.text._align_relations import describe_lost_relations
from keras_tricks.text._serialization import deserialize_tokenizer
from keras_tricks.text.relation import ROLES
from keras_tricks.text.span_preprocessor import SpanPreprocessor
from keras_tricks.text.tokenized_texts import TokenizedTexts
from keras_tricks.text.tokenized_texts import TruncatedTextWarning


class LostRelationWarning(UserWarning):
    """Labelled relations that the model cannot be shown."""


@keras.saving.register_keras_serializable(package="keras_tricks")
class RelationPreprocessor:
    """Maps texts and relations to features and three padded sparse labels.

    With `sh`, `st` the first and last token of a subject, `oh`, `ot` those of
    its object, and `p` the number of the predicate that holds between them, a
    relation is four rows:

    ```
    entities: [0, sh, st], [1, oh, ot]
    heads: [p, sh, oh]    tails: [p, st, ot]
    ```

    Texts become tokens as in `SpanPreprocessor`. A relation is lost if its
    subject or object starts or ends inside a token or lies beyond the end of a
    truncated text, or if no row shows both. Lost relations are counted in one
    `LostRelationWarning` and listed by `lost_relations`; the end that is shown
    stays labelled as an entity.

    Args:
        tokenizer: As in `SpanPreprocessor`.
        predicates: Distinct names of what can hold between a subject and an
            object; the order numbers them.
        sequence_length: As in `SpanPreprocessor`. Defaults to `128`.
        overlap: As in `SpanPreprocessor`: None cuts longer texts off, an
            integer reads them in rows that share so many tokens. A relation is
            learnt and found where one row shows both ends. Defaults to `None`.

    Call arguments:
        texts: List of strings.
        relations: Optional; for each text a list of `(subject, predicate,
            object)` (more elements are ignored) or mappings with these keys.
            Subject and object are `(start, end, ...)` or mappings with these
            keys: characters, `end` exclusive.

    Returns:
        The features, a dict of int32 arrays `(rows, sequence_length)` (see
        `TokenizedTexts`), or with `relations` a pair of them and a dict of
        int32 labels `entities`, `heads` and `tails`, each `(rows, n, 3)` with
        an `n` of its own, padded with rows of −1. There is one row per text
        unless `overlap` makes more of long ones.

    Raises:
        TypeError: If the tokenizer is of no known kind.
        ValueError: If an argument is out of range, a text is no string, or a
            relation has an unknown predicate or ends that lie outside its
            text.

    Example:

    >>> import tokenizers
    >>> from keras_tricks.text import RelationPreprocessor
    >>> words = tokenizers.models.WordLevel(
    ...     {"[UNK]": 0, "Ada": 1, "met": 2, "Bob": 3}, unk_token="[UNK]"
    ... )
    >>> tokenizer = tokenizers.Tokenizer(words)
    >>> tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    >>> preprocessor = RelationPreprocessor(tokenizer, ["met"], 4)
    >>> x, y = preprocessor(["Ada met Bob"], [[((0, 3), "met", (8, 11))]])
    >>> y["entities"].tolist(), y["heads"].tolist()
    ([[[0, 0, 0], [1, 2, 2]]], [[[0, 0, 2]]])

    Reference:
        Su Jianlin, 2022, GPLinker: https://kexue.fm/archives/8888.
    """

    def __init__(
        self,
        tokenizer: Any,
        predicates: Sequence[str],
        sequence_length: int = 128,
        overlap: int | None = None,
    ):
        self.predicates = _check_predicates(predicates)
        self.spans = SpanPreprocessor(
            tokenizer, ROLES, sequence_length, overlap
        )

    @property
    def tokenizer(self) -> Any:
        """What makes tokens of texts."""
        return self.spans.tokenizer

    @property
    def sequence_length(self) -> int:
        """Tokens in a row, special tokens included."""
        return self.spans.sequence_length

    @property
    def overlap(self) -> int | None:
        """Tokens that rows of one long text share, or None."""
        return self.spans.overlap

    def __call__(self, texts: Any, relations: Any = None) -> Any:
        tokenized = self.tokenize(texts)
        if relations is None:
            return tokenized.features
        return tokenized.features, self.label(texts, relations, tokenized)

    def tokenize(self, texts: Any) -> TokenizedTexts:
        """Map texts to rows of features with the offsets of their tokens."""
        return self.spans.tokenize(texts)

    def label(
        self, texts: Any, relations: Any, tokenized: TokenizedTexts
    ) -> dict[str, np.ndarray]:
        """Map relations to the labels of tokenized texts."""
        labels, lost = align_relations(
            texts, relations, tokenized, self.predicates
        )
        if lost:
            total = sum(len(of_text) for of_text in relations)
            message = describe_lost_relations(lost, total, self.sequence_length)
            warnings.warn(message, LostRelationWarning, stacklevel=3)
        return labels

    def lost_relations(self, texts: Any, relations: Any) -> list[LostRelation]:
        """List the relations that the model cannot be shown, and why."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TruncatedTextWarning)
            tokenized = self.tokenize(texts)
        return align_relations(texts, relations, tokenized, self.predicates)[1]

    def save_assets(self, folder: str) -> None:
        """Write the tokenizer's files; `keras.Model.save` calls it."""
        self.spans.save_assets(folder)

    def load_assets(self, folder: str) -> None:
        """Read the tokenizer's files; `load_model` calls it."""
        self.spans.load_assets(folder)

    def get_config(self) -> dict:
        """Arguments of the constructor; vocabularies travel as assets."""
        config = self.spans.get_config()
        del config["labels"]
        return {**config, "predicates": list(self.predicates)}

    @classmethod
    def from_config(cls, config: dict) -> "RelationPreprocessor":
        """Make a preprocessor from `get_config()`."""
        tokenizer = deserialize_tokenizer(config["tokenizer"])
        return cls(**{**config, "tokenizer": tokenizer})


def _check_predicates(predicates: Sequence[str]) -> tuple[str, ...]:
    expected = "a list of at least one name, all distinct"
    names = check_list("predicates", predicates, str, expected)
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"`predicates` must be {expected}. "
            f"Received: predicates={predicates!r}"
        )
    return tuple(names)
