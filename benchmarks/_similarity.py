"""What comparisons of ways to train for similarity share."""

from examples.similarity_methods import spearman
from examples.similarity_methods import unzip


def measure(method, corpus):
    """Spearman, in points, on dev and test."""
    figures = {}
    for part in ("dev", "test"):
        *texts, grades = unzip(getattr(corpus, part))
        figures[part] = 100 * spearman(grades, method.scores(*texts))
    return figures


def at_best_rate(run, rates, seeds):
    """The rate with the highest dev of the first seed, and each seed's figures.

    Args:
        run: From a rate and a seed to a dict of figures with a `"dev"`.
        rates: Rates to choose from.
        seeds: Number of seeds, of which the first chooses.
    """
    tried = {rate: run(rate, 0) for rate in rates}
    rate = max(rates, key=lambda each: tried[each]["dev"])
    return rate, [tried[rate], *(run(rate, s) for s in range(1, seeds))]
