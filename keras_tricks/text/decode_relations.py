"""From scores of token pairs to relations between stretches of text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_tricks._arrays import real_array
from keras_tricks._checks import check_list
from keras_tricks._checks import check_number
from keras_tricks._span_factors import read_shape
from keras_tricks.text._relation_links import find_candidates
from keras_tricks.text._relation_links import find_links
from keras_tricks.text.relation import ROLES
from keras_tricks.text.relation import Relation
from keras_tricks.text.relation import sort_relations
from keras_tricks.text.span import read_texts


def decode_relations(
    entities: Any,
    heads: Any,
    tails: Any,
    texts: Sequence[str],
    offsets: Any,
    predicates: Sequence[str],
    threshold: float = 0.0,
) -> list[list[Relation]]:
    """Map scores of token pairs to the relations of each text.

    With `(i, k)` the first and last token of a subject, `(j, l)` those of an
    object, and `p` a predicate, a relation is extracted where

    ```
    min(
        entities[0, i, k], entities[1, j, l], heads[p, i, j], tails[p, k, l]
    ) > threshold
    ```

    and this minimum is its score. Nothing else is left out: subject and object
    may overlap, nest or be the same, and take part in any number of relations.

    An untrained model makes thousands of candidates a text and links most of
    them. No candidate is dropped: pairs of them are looked at in pieces of
    about a million scores, so memory grows with the relations that are found,
    not with the pairs that are not; the time grows with the pairs. A model
    that has only begun to learn gives few of either.

    Args:
        entities: Scores `(batch, 2, length, length)` of subjects and objects;
            axis 2 is the first token, axis 3 the last. Each of the three may
            instead be factors, as `EfficientGlobalPointer(factored=True)`
            gives them.
        heads: Scores `(batch, num_predicates, length, length)`; axis 2 is the
            first token of the subject, axis 3 that of the object.
        tails: Scores of the same shape, of their last tokens.
        texts: The `batch` texts.
        offsets: Integers `(batch, length, 2)`: start and end (exclusive) of
            each token in its text; start = end for tokens without characters,
            which no subject or object starts or ends with.
        predicates: Names of the `num_predicates` predicates.
        threshold: All four scores are above it. Defaults to `0.0`.

    Returns:
        For each text its relations in reading order (of subjects, then of
        objects, then by predicate). Tokens that cover the same characters make
        one relation, with the best score.

    Raises:
        ValueError: If shapes do not fit each other.

    Example:

    >>> import numpy as np
    >>> from keras_tricks.text import decode_relations
    >>> entities, links = np.full((1, 2, 2, 2), -3.0), np.ones((1, 1, 2, 2))
    >>> entities[0, 0, 0, 0] = entities[0, 1, 1, 1] = 2.0
    >>> [[found]] = decode_relations(
    ...     entities, links, links, ["Ada sings"], [[(0, 3), (4, 9)]], ["does"]
    ... )
    >>> found.subject.text, found.predicate, found.object.text, found.score
    ('Ada', 'does', 'sings', 1.0)
    """
    entities = real_array("entities", entities)
    heads, tails = real_array("heads", heads), real_array("tails", tails)
    offsets = real_array("offsets", offsets)
    if offsets.ndim != 3 or offsets.shape[2] != 2:
        raise ValueError(
            "`offsets` must be integers `(batch, length, 2)`. Received: "
            f"offsets of shape {offsets.shape}"
        )
    texts = read_texts(texts)
    predicates = check_list("predicates", predicates, str, "a list of names")
    check_number("threshold", threshold, lambda t: not np.isnan(t), "a number")
    _check_shapes(entities, heads, tails, texts, offsets, predicates)
    decoded = []
    for row, text in enumerate(texts):
        subjects, objects = find_candidates(
            entities[row], text, offsets[row], threshold
        )
        links = find_links(heads[row], tails[row], subjects, objects, threshold)
        best: dict[tuple, Relation] = {}
        for kind, s, o, score in links:
            keep_best(
                best,
                Relation(
                    subjects.spans[s], predicates[kind], objects.spans[o], score
                ),
            )
        decoded.append(sort_relations(best.values()))
    return decoded


def keep_best(best: dict[tuple, Relation], found: Relation) -> None:
    """Enter a relation unless it is there with as good a score."""
    key = (found.subject[:2], found.predicate, found.object[:2])
    if key not in best or best[key].score < found.score:
        best[key] = found


def _check_shapes(
    entities: np.ndarray,
    heads: np.ndarray,
    tails: np.ndarray,
    texts: Any,
    offsets: np.ndarray,
    predicates: Any,
) -> None:
    made = [
        read_shape(scores, name)
        for name, scores in (
            ("entities", entities),
            ("heads", heads),
            ("tails", tails),
        )
    ]
    num_types = [num for num, _, _ in made]
    lengths = {length for _, length, _ in made}
    expected = [len(ROLES), len(predicates), len(predicates)]
    batches = {len(x) for x in (entities, heads, tails, offsets, texts)}
    if (
        num_types != expected
        or len(batches) > 1
        or lengths != {offsets.shape[1]}
    ):
        shapes = tuple(x.shape for x in (entities, heads, tails, offsets))
        raise ValueError(
            f"`entities`, `heads` and `tails` must have {expected} types, and "
            "batch and length of `offsets`, for as many texts. Received: "
            f"shapes {shapes} for {len(texts)} texts and {len(predicates)} "
            "predicates"
        )
