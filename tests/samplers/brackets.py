"""A grammar engine for tests: brackets that nest without bound."""

import keras

from tests.samplers.words import END
from tests.samplers.words import spell

OPEN, CLOSE, LETTER = spell("abc")


class Brackets:
    """Sentences over a (open), b (close) and c: closed as often as opened.

    At most as deep as `deepest`, so that a random answer ends.
    """

    made = 0

    def __init__(self, depth=0, began=False, deepest=3):
        type(self).made += 1
        self.depth, self.began, self.deepest = depth, began, deepest

    def follow(self):
        tokens = {LETTER}
        if self.depth < self.deepest:
            tokens.add(OPEN)
        tokens.add(CLOSE if self.depth else END)
        return tokens if self.began else tokens - {END}

    def accept_token(self, token):
        if token not in self.follow() or token == END:
            return False
        self.depth += {OPEN: 1, CLOSE: -1}.get(token, 0)
        self.began = True
        return True

    def fill_next_token_bitmask(self, bitmask, index):
        bitmask[index] = 0
        for token in self.follow():
            bitmask[index, token // 32] |= 1 << token % 32
        return True

    def fork(self):
        return Brackets(self.depth, self.began, self.deepest)


@keras.saving.register_keras_serializable(package="keras_tricks_tests")
def new_brackets():
    return Brackets()


def follow(answer):
    """Tokens that may follow a list of tokens, by counting; `None` if none."""
    depth = 0
    for token in answer:
        depth += {OPEN: 1, CLOSE: -1}.get(token, 0)
        if not 0 <= depth <= 3 or token not in (OPEN, CLOSE, LETTER):
            return {END}
    tokens = {LETTER, *([OPEN] if depth < 3 else [])}
    if depth:
        return tokens | {CLOSE}
    return tokens | ({END} if answer else set())
