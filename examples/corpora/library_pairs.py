"""Graded sentence pairs that every machine has: how near their homes are."""

import itertools
import json
import pathlib
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

from .names import is_public
from .pair_corpus import Pair
from .pair_corpus import PairCorpus
from .standard_library import hold_out

CHILD = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from corpora.documents import main; main()"
)
Record = dict[str, Any]


def library_pairs(
    modules: Iterable[str] | None = None,
    held_share: float = 0.3,
    per_grade: int = 700,
) -> PairCorpus:
    """Sentences of docstrings in pairs, graded by what they document.

    - 3: two things of one name in different places, such as `close` of a file
      and `close` of a socket;
    - 2: one thing, in the first two sentences of its docstring;
    - 1: two things of one module;
    - 0: things of different modules.

    No one has judged these sentences. The grades follow from where they stand,
    and some pairs with a low grade mean the same: what is learnt is how
    documentation is laid out, and no number here is one of a benchmark.

    Modules that are held out give no sentence to train on, and those of `dev`
    none to test on.

    Args:
        modules: Top-level modules to read; if `None`, all that can be imported
            without effects.
        held_share: About the share of the docstrings to hold out.
        per_grade: The most pairs of a grade to train on; a quarter as many are
            held out for each part.
    """
    chosen = sorted(filter(is_public, modules or sys.stdlib_module_names))
    records = _ask_child(chosen)
    held = hold_out([record["top"] for record in records], held_share)
    tops = [record["top"] for record in records if record["top"] in held]
    tested = hold_out(tops, 0.5)
    parts: list[list[Record]] = [[], [], []]
    for record in records:
        top = record["top"]
        parts[(top in held) + (top in tested)].append(record)
    counts = (per_grade, per_grade // 4, per_grade // 4)
    train, dev, test = map(graded_pairs, parts, counts)
    note = (
        "Grades say how near the things are that two sentences document; no "
        "one has judged the sentences."
    )
    return PairCorpus("standard_library", train, dev, test, [note])


def graded_pairs(records: list[Record], per_grade: int) -> list[Pair]:
    """At most so many pairs of each grade, the same ones each time."""
    chance = random.Random(0)
    shuffled = chance.sample(records, len(records))
    makers = (_of_two_modules, _of_one_module, _of_one_thing, _of_one_name)
    pairs: dict[tuple[str, str], float] = {}
    # The highest first: what has one name may be in one module too.
    for grade in (3, 2, 1, 0):
        found = itertools.islice(makers[grade](shuffled, chance), per_grade)
        for pair in found:
            pairs.setdefault(pair, float(grade))
    graded = [(*pair, grade) for pair, grade in pairs.items()]
    chance.shuffle(graded)
    return graded


def _of_one_name(records: list[Record], chance: Any) -> Iterator[Any]:
    named = defaultdict(list)
    for record in records:
        if not record["name"].startswith("_"):
            named[record["name"]].append(record)
    pairs = [
        _summaries(*pair)
        for of_name in named.values()
        for pair in itertools.islice(itertools.combinations(of_name, 2), 12)
    ]
    chance.shuffle(pairs)
    yield from pairs


def _of_one_thing(records: list[Record], chance: Any) -> Iterator[Any]:
    for record in records:
        if len(record["sentences"]) > 1:
            yield tuple(record["sentences"][:2])


def _of_one_module(records: list[Record], chance: Any) -> Iterator[Any]:
    placed = defaultdict(list)
    for record in records:
        placed[record["module"]].append(record)
    for record in records:
        other = chance.choice(placed[record["module"]])
        if other["name"] != record["name"]:
            yield _summaries(record, other)


def _of_two_modules(records: list[Record], chance: Any) -> Iterator[Any]:
    for record in records:
        other = chance.choice(records)
        if other["top"] != record["top"] and other["name"] != record["name"]:
            yield _summaries(record, other)


def _summaries(one: Record, other: Record) -> tuple[str, str]:
    return one["sentences"][0], other["sentences"][0]


def _ask_child(modules: list[str]) -> list[Record]:
    """Runs `documents.main` without site packages, warnings, or a screen."""
    above = str(pathlib.Path(__file__).resolve().parents[1])
    child = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "ignore", "-c", CHILD, above],
        input=json.dumps({"modules": modules, "max_characters": 160}),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if child.returncode:
        raise RuntimeError(
            f"Reading the standard library failed:\n{child.stderr[-2000:]}"
        )
    return json.loads(child.stdout.splitlines()[-1])
