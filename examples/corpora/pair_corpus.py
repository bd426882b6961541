"""What every corpus of sentence pairs gives back."""

import random
from typing import NamedTuple

Pair = tuple[str, str, float]


class PairCorpus(NamedTuple):
    """Pairs of texts with a grade of similarity, in three parts.

    An example is `(first, second, grade)`. Grades are ordered, and need not
    mean the same in another corpus.
    """

    name: str
    train: list[Pair]
    dev: list[Pair]
    test: list[Pair]
    notes: list[str]

    @property
    def grades(self) -> tuple[float, float]:
        """The least and the greatest grade to train on."""
        grades = [grade for _, _, grade in self.train]
        return min(grades), max(grades)

    @property
    def middle(self) -> float:
        """Above it, a pair counts as similar."""
        return sum(self.grades) / 2

    def limited(
        self, train: int | None = None, held: int | None = None
    ) -> "PairCorpus":
        """At most so many pairs, drawn at random, the same ones each time.

        The first ones would not do: files have one kind of text after another.
        """
        limits = {"train": train, "dev": held, "test": held}
        return self._replace(
            **{
                part: _draw(getattr(self, part), n)
                for part, n in limits.items()
            }
        )


def _draw(pairs: list[Pair], count: int | None) -> list[Pair]:
    if count is None or count >= len(pairs):
        return pairs
    return random.Random(0).sample(pairs, count)
