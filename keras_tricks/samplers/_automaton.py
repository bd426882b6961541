"""The edges of finite automata over tokens: checked, gathered, compiled."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_tricks._optional import import_optional
from keras_tricks.samplers._token_texts import token_texts


def integers(name: str, values: Any) -> np.ndarray:
    """Return integers as an array of one axis, or raise."""
    try:
        array = np.asarray([*values])
    except (TypeError, ValueError):
        array = np.array(None)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(
            f"`{name}` must be integers, in one axis. "
            f"Received: {name}={values!r}"
        )
    return array.astype(np.int64)


def check_edges(
    starts: np.ndarray,
    tokens: np.ndarray,
    targets: np.ndarray,
    accepting: np.ndarray,
    initial: int,
) -> None:
    """Raise where arrays are no edges, in order, between states."""
    num_states = starts.size - 1
    states = np.concatenate([targets, accepting, [initial]])
    same_state = np.ones(max(tokens.size - 1, 0), bool)
    inner = starts[(starts > 0) & (starts < tokens.size)]
    same_state[inner - 1] = False
    if (
        num_states < 1
        or starts[0] != 0
        or starts[-1] != tokens.size
        or (np.diff(starts) < 0).any()
        or targets.shape != tokens.shape
        or states.min() < 0
        or states.max() >= num_states
        or (np.diff(tokens)[same_state] <= 0).any()
    ):
        raise ValueError(
            "`starts`, `tokens`, `targets`, `accepting` and `initial` must "
            "be edges by state, with rising tokens, between states from 0 "
            f"to len(starts) − 2. Received: {num_states} states, "
            f"{tokens.size} tokens, {targets.size} targets, states from "
            f"{states.min()} to {states.max()}"
        )


def steps_to_accept(
    starts: np.ndarray, targets: np.ndarray, accepting: np.ndarray, initial: int
) -> int | None:
    """Edges on the shortest way to an accepting state, None if none leads."""
    seen = np.zeros(starts.size - 1, bool)
    front = np.array([initial])
    for steps in range(seen.size):
        if np.isin(front, accepting).any():
            return steps
        seen[front] = True
        edges = zip(starts[front], starts[front + 1], strict=True)
        front = np.unique(np.concatenate([targets[a:b] for a, b in edges]))
        front = front[~seen[front]]
        if not front.size:
            break
    return None


def check_tokens(
    tokens: np.ndarray, vocabulary_size: int, end_token_id: int
) -> None:
    """Raise where an edge has a token that it cannot have."""
    if tokens.size and (tokens.min() < 0 or tokens.max() >= vocabulary_size):
        raise ValueError(
            f"`tokens` must be below `vocabulary_size`, {vocabulary_size}. "
            f"Received: tokens from {tokens.min()} to {tokens.max()}"
        )
    if (tokens == end_token_id).any():
        raise ValueError(
            "`tokens` must not contain the end token; name the states where "
            f"answers end in `accepting`. Received: end_token_id={end_token_id}"
        )


def gather_edges(
    transitions: Mapping[int, Mapping[int, int]],
    initial: int,
    accepting: Any,
    end_token_id: int,
) -> tuple[list, tuple, tuple, list, int]:
    """Nested dicts → edges by state, with states numbered from 0."""
    states = {initial, *accepting, *transitions}
    states |= {t for row in transitions.values() for t in row.values()}
    number = {state: n for n, state in enumerate(sorted(states))}
    starts, edges = [0], []
    for state in number:
        row = {**transitions.get(state, {})}
        row.pop(end_token_id, None)
        edges += [(token, number[row[token]]) for token in sorted(row)]
        starts.append(len(edges))
    tokens, targets = zip(*edges, strict=True) if edges else ((), ())
    final = [number[state] for state in accepting]
    return starts, tokens, targets, final, number[initial]


def compile_expression(
    expression: str, tokens: Any, vocabulary_size: int, end_token_id: int
) -> tuple[dict, int, list[int]]:
    """Transitions of an expression, the initial state, and accepting ones."""
    outlines_core = import_optional("outlines_core", "grammar")
    numbers: dict[bytes, list[int]] = {}
    texts = token_texts(tokens, vocabulary_size, end_token_id)
    for token, text in enumerate(texts):
        if text:
            numbers.setdefault(text, []).append(token)
    vocabulary = outlines_core.Vocabulary(end_token_id, numbers)
    try:
        index = outlines_core.Index(expression, vocabulary)
    except ValueError as error:
        raise ValueError(
            "`expression` must be a regular expression that the tokens can "
            f"spell ({error}). Received: expression={expression!r}"
        ) from error
    transitions = index.get_transitions()
    return (
        transitions,
        index.get_initial_state(),
        sorted(index.get_final_states()),
    )
