"""What every corpus of sentence pairs gives back."""

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
