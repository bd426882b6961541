"""What was generated → the entries of a prefix tree."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from keras_tricks._checks import check_rank


def read_answers(
    trie: Any, end_token_id: int, token_ids: Any, start: int | Sequence[int]
) -> list[tuple[int, ...] | None]:
    """The entry of each row from its start on, `None` where there is none."""
    rows = np.asarray(ops.convert_to_numpy(token_ids))
    check_rank("token_ids", rows.shape, 2, "(batch, length)")
    try:
        starts = np.broadcast_to(start, len(rows))
    except ValueError:
        raise ValueError(
            "`start` must be one place, or one for each row. "
            f"Received: start={start!r} for {len(rows)} rows"
        ) from None
    answers: list[tuple[int, ...] | None] = []
    for row, first in zip(rows, starts, strict=True):
        answer = row[first:].tolist()
        found = None
        if end_token_id in answer:
            found = tuple(answer[: answer.index(end_token_id)])
        answers.append(found if found is not None and found in trie else None)
    return answers
