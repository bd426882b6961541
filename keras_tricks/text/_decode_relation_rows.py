"""Relations of texts from the scores of their rows."""

from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np

from keras_tricks.text.decode_relations import decode_relations
from keras_tricks.text.decode_relations import keep_best
from keras_tricks.text.relation import Relation
from keras_tricks.text.relation import sort_relations
from keras_tricks.text.tokenized_texts import TokenizedTexts


def decode_relation_rows(
    scores: Iterable[dict[str, np.ndarray]],
    texts: Sequence[str],
    tokenized: TokenizedTexts,
    predicates: Sequence[str],
    threshold: float = 0.0,
) -> list[list[Relation]]:
    """Decode batches of rows; what two rows show keeps its best score.

    Args:
        scores: Batches of `entities`, `heads` and `tails`, in the order of the
            tokenized rows.
        texts: The texts.
        tokenized: Their rows.
        predicates: Names of the predicates.
        threshold: As in `decode_relations`.
    """
    best: list[dict[tuple, Relation]] = [{} for _ in texts]
    row = 0
    for batch in scores:
        here = slice(row, row + len(batch["entities"]))
        row = here.stop
        numbers = tokenized.rows[here].tolist()
        decoded = decode_relations(
            batch["entities"],
            batch["heads"],
            batch["tails"],
            [texts[number] for number in numbers],
            tokenized.offsets[here],
            predicates,
            threshold,
        )
        for number, relations in zip(numbers, decoded, strict=True):
            for relation in relations:
                keep_best(best[number], relation)
    return [sort_relations(relations.values()) for relations in best]
