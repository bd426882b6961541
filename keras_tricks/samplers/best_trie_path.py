"""The best entry under independent probabilities of every position."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_tricks._checks import check_choice
from keras_tricks._checks import check_instance
from keras_tricks._checks import check_not_negative_int
from keras_tricks._checks import check_positive_int
from keras_tricks._checks import check_rank
from keras_tricks.samplers._walk import descend
from keras_tricks.samplers._walk import parents_of
from keras_tricks.samplers.trie import Trie

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
def best_trie_path(
    log_probs: Tensor,
    trie: Trie,
    num_best: int = 1,
    end_token_id: int | None = None,
    normalization: str = "sum",
) -> tuple[Tensor, Tensor]:
    """Maps log-probabilities of each position to the best entries of a trie.

    For a masked language model, which fills all positions at once:

    ```
    score(y) = Σ_(t = 1 … |y|) log p_t(y_t)
    ```

    of each entry, found in one pass over the levels of the tree: the score of a
    node is that of its parent plus that of its token. Exact, where a beam
    search misses the best, and half the work of looking up every token of every
    entry. It is linear in the size of the tree: for a million entries and a
    large batch, a `ConstrainedBeamSampler` on an autoregressive model is
    cheaper.

    Positions that are filled alone do not know of each other: between "New
    York" and "Los Angeles" it may weigh "New Angeles". The tree rules that out,
    but the scores are no probabilities of entries.

    Args:
        log_probs: Float tensor `(batch, length, vocabulary)`.
        trie: A `Trie` with at least one entry.
        num_best: Entries for each row. Defaults to `1`.
        end_token_id: A token that the position after an entry must hold, whose
            log-probability is added; an entry that fills the length has no such
            position. `None` for none. Defaults to `None`.
        normalization: `"sum"`, or `"mean"` over the positions that were added,
            which does not prefer short entries. Defaults to `"sum"`.

    Returns:
        Numbers of the entries, int32 `(batch, num_best)`, best first, for
        `trie.entry` and `trie.values_of`; and their scores, −inf for those
        longer than `length`.

    Raises:
        ValueError: If an argument is out of range, or the trie has fewer
            entries than `num_best` or tokens outside the vocabulary.

    Example:

    >>> import keras
    >>> from keras_tricks.samplers import Trie, best_trie_path
    >>> trie = Trie([[0, 2], [1, 1], [1, 2]], values=["a", "b", "c"])
    >>> p = keras.ops.array([[[0.6, 0.3, 0.1], [0.1, 0.7, 0.2]]])
    >>> numbers, scores = best_trie_path(keras.ops.log(p), trie, num_best=2)
    >>> [trie.values_of(int(n)).tolist() for n in numbers[0]]
    [['b'], ['a']]
    >>> [round(float(keras.ops.exp(s)), 2) for s in scores[0]]
    [0.21, 0.12]

    Reference:
        Su Jianlin, 2020: https://kexue.fm/archives/7148, where the search was
        greedy from left to right.
    """
    try:
        log_probs = ops.convert_to_tensor(log_probs)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            "`log_probs` must be a float tensor `(batch, length, vocabulary)` "
            f"({error}). Received: log_probs of type {type(log_probs).__name__}"
        ) from error
    shape = check_rank(
        "log_probs", log_probs.shape, 3, "(batch, length, vocabulary)"
    )
    check_positive_int("num_best", num_best)
    check_choice("normalization", normalization, ("sum", "mean"))
    _check_trie(trie, num_best, end_token_id, shape[2])
    log_probs = ops.cast(log_probs, "float32")
    scores = ops.concatenate(
        _leaf_scores(
            log_probs, trie, shape[1], end_token_id, normalization == "mean"
        ),
        axis=1,
    )
    best, numbers = ops.top_k(scores, k=num_best)
    return ops.cast(numbers, "int32"), best


def _check_trie(
    trie: Trie, num_best: int, end: int | None, vocabulary_size: int
) -> None:
    check_instance("trie", trie, Trie, "a `Trie`")
    if end is not None:
        check_not_negative_int("end_token_id", end)
    if len(trie) < num_best:
        raise ValueError(
            "`trie` must have at least `num_best` entries. Received: "
            f"{len(trie)} entries for num_best={num_best}"
        )
    largest = max(int(trie.tokens.max()), -1 if end is None else end)
    if largest >= vocabulary_size:
        raise ValueError(
            "`trie` and `end_token_id` must be of the vocabulary of "
            f"`log_probs`, {vocabulary_size} tokens. Received: token {largest}"
        )


def _leaf_scores(
    log_probs: Tensor, trie: Trie, length: int, end: int | None, mean: bool
) -> list[Tensor]:
    """Scores of the entries, a tensor for each length from 0 on."""
    score = ops.zeros((ops.shape(log_probs)[0], 1), "float32")
    found: list[Tensor] = []
    last = 0
    for depth, (low, high) in enumerate(descend(trie, 0)):
        if depth == 0:
            continue
        tokens = trie.tokens[low:high]
        parents = parents_of(trie, np.arange(low, high)) - last
        last = low
        from_above = ops.take(score, parents.astype("int32"), axis=1)
        (leaves,) = np.nonzero(tokens < 0)
        whole = ops.take(from_above, leaves.astype("int32"), axis=1)
        if depth > length + 1:
            found.append(ops.full_like(whole, -float("inf")))
            score = from_above
            continue
        added = depth - 1
        if depth > length:
            score = from_above
        else:
            here = log_probs[:, depth - 1]
            if end is not None:
                whole = whole + here[:, end : end + 1]
                added += 1
            # What the leaves get is never read.
            wanted = np.maximum(tokens, 0)
            score = from_above + ops.take(here, wanted, axis=1)
        found.append(whole / max(added, 1) if mean else whole)
    return found
