"""What comparisons are made of, and that claims name figures that exist."""

import itertools
import json

import numpy as np
import pytest

from benchmarks import __main__ as runner
from benchmarks._claims import CLAIMS
from benchmarks._similarity import at_best_rate
from benchmarks._span_heads import scores_of
from benchmarks._tables import cells
from benchmarks._token_tagging import valid_tags

RATES = {(0.1, 0): 3, (0.2, 0): 5, (0.2, 1): 4, (0.2, 2): 6}


def test_the_first_seed_chooses_the_rate():
    rate, runs = at_best_rate(
        lambda rate, seed: {"dev": RATES[rate, seed], "test": seed},
        (0.1, 0.2),
        3,
    )
    assert rate == 0.2
    assert [run["dev"] for run in runs] == [5, 4, 6]
    assert [run["test"] for run in runs] == [0, 1, 2]


def test_recall_inside_is_of_spans_within_others():
    gold = [[(0, 9, "ORG"), (3, 9, "LOC"), (12, 15, "PER")], [(0, 4, "PER")]]
    found = [[(0, 9, "ORG"), (12, 15, "PER")], [(0, 4, "PER")]]
    flat = scores_of(found, gold)
    assert flat == pytest.approx(
        {"F1": 100 * 6 / 7, "precision": 100, "recall": 75}
    )
    assert scores_of(found, gold, nested=True)["recall inside"] == 0
    found[0].append((3, 9, "LOC"))
    assert scores_of(found, gold, nested=True)["recall inside"] == 100
    # The same place with another label is inside; the span itself is not.
    twice = [[(0, 4, "PER"), (0, 4, "ORG")]]
    assert scores_of([[(0, 4, "ORG")]], twice, nested=True)[
        "recall inside"
    ] == pytest.approx(50)


@pytest.mark.parametrize("seed", range(5))
def test_valid_tags_are_the_likeliest_of_all(seed):
    rng = np.random.default_rng(seed)
    scores = 3 * rng.normal(size=(4, 5)).astype("float32")

    def is_valid(tags):
        return all(
            tag in (0, 1, 3) or before in (tag, tag - 1)
            for before, tag in itertools.pairwise((0, *tags))
        )

    every = filter(is_valid, itertools.product(range(5), repeat=4))
    best = max(every, key=lambda tags: scores[range(4), tags].sum())
    assert valid_tags(scores).tolist() == list(best)
    assert valid_tags(scores[:1]).tolist() == [
        max((0, 1, 3), key=lambda tag: scores[0, tag])
    ]
    assert valid_tags(scores[:0]).tolist() == []


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.text[:40])
def test_claims_compare_figures_that_are_kept(claim):
    for compared in claim.comparisons:
        path = runner.RESULTS / f"{compared.benchmark}.jsonl"
        lines = path.read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        found = cells([r for r in rows if r["table"] == compared.table])
        names = {name for _, row, column in found for name in (row, column)}
        assert {compared.along, compared.better, compared.than} <= names
