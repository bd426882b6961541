"""Spans of texts from the scores of their rows."""

from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np

from keras_tricks.text.decode_spans import decode_spans
from keras_tricks.text.decode_spans import drop_overlaps
from keras_tricks.text.decode_spans import sort_spans
from keras_tricks.text.span import Span
from keras_tricks.text.tokenized_texts import TokenizedTexts


def decode_windows(
    scores: Iterable[np.ndarray],
    texts: Sequence[str],
    tokenized: TokenizedTexts,
    labels: Sequence[str],
    threshold: float = 0.0,
    allow_overlap: bool = True,
) -> list[list[Span]]:
    """Decode batches of rows; a span that two rows show keeps its best score.

    Args:
        scores: Batches of scores `(rows, num_types, length, length)`, in the
            order of the tokenized rows.
        texts: The texts.
        tokenized: Their rows.
        labels: Names of the types.
        threshold: As in `decode_spans`.
        allow_overlap: As in `decode_spans`, over the whole text.
    """
    best: list[dict[tuple, Span]] = [{} for _ in texts]
    row = 0
    for batch in scores:
        here = slice(row, row + len(batch))
        row += len(batch)
        numbers = tokenized.rows[here].tolist()
        decoded = decode_spans(
            batch,
            [texts[number] for number in numbers],
            tokenized.offsets[here],
            labels,
            threshold,
        )
        for number, spans in zip(numbers, decoded, strict=True):
            for span in spans:
                known = best[number].get(span[:3], span)
                best[number][span[:3]] = max(
                    known, span, key=lambda one: one.score
                )
    found = [list(spans.values()) for spans in best]
    if not allow_overlap:
        found = [drop_overlaps(spans) for spans in found]
    return [sort_spans(spans) for spans in found]
