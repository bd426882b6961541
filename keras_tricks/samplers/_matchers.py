"""The matchers of a grammar engine for what rows of a batch generated."""

import collections
from collections.abc import Callable
from typing import Any

import numpy as np

# Matchers kept, the last used: those of a batch and its beams, and the way
# there. One that was dropped is made again from its tokens.
MAX_MATCHERS = 4096


class Matchers:
    """Maps tokens to a matcher that accepted them, forked from the one before.

    There is none, `None`, after the end token or one that was not allowed.
    """

    def __init__(
        self, new: Callable[[], Any], vocabulary_size: int, end_token_id: int
    ):
        self.new = new
        self.vocabulary_size = vocabulary_size
        self.end_token_id = end_token_id
        self._kept: collections.OrderedDict = collections.OrderedDict()

    def after(self, prefix: tuple[int, ...]) -> Any:
        """The matcher after some tokens."""
        known = len(prefix)
        while known and prefix[:known] not in self._kept:
            known -= 1
        if not known and () not in self._kept:
            self._kept[()] = self.new()
        matcher = self._kept[prefix[:known]]
        for size in range(known, len(prefix)):
            matcher = self._go_on(matcher, prefix[size])
            self._kept[prefix[: size + 1]] = matcher
        self._kept.move_to_end(prefix)
        while len(self._kept) > MAX_MATCHERS:
            self._kept.popitem(last=False)
        return matcher

    def _go_on(self, matcher: Any, token: int) -> Any:
        if matcher is None or token == self.end_token_id:
            return None
        matcher = matcher.fork()
        return matcher if matcher.accept_token(token) else None

    def masks(self, tokens: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """The tokens that may follow the first ones of each row, as a mask."""
        words = np.zeros((len(tokens), -(-self.vocabulary_size // 32)), "int32")
        ended = np.zeros(len(tokens), bool)
        for row, (answer, size) in enumerate(zip(tokens, sizes, strict=True)):
            matcher = self.after(tuple(answer[:size].tolist()))
            ended[row] = matcher is None
            # It returns false where all is allowed.
            if matcher and not matcher.fill_next_token_bitmask(words, row):
                words[row] = -1
        bits = np.unpackbits(words.view("uint8"), axis=1, bitorder="little")
        mask = bits[:, : self.vocabulary_size].astype(bool)
        mask[ended] = np.arange(self.vocabulary_size) == self.end_token_id
        return mask

    def is_whole(self, answer: tuple[int, ...]) -> bool:
        """Whether the end may follow tokens that were all allowed."""
        tokens = np.array([answer], "int32").reshape(1, -1)
        mask = self.masks(tokens, np.array([len(answer)]))
        return self.after(answer) is not None and bool(
            mask[0, self.end_token_id]
        )
