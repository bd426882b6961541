"""Relations that every machine has: what Python knows of its own library."""

import json
import pathlib
import random
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from .names import is_public
from .phrasings import phrase
from .relation_corpus import Example
from .relation_corpus import Relation
from .relation_corpus import RelationCorpus
from .relation_corpus import predicates_of
from .standard_library import hold_out

CHILD = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from corpora.facts import main; main()"
)


def library_relations(
    modules: Iterable[str] | None = None,
    valid_share: float = 0.15,
    max_sentences: int = 5000,
) -> RelationCorpus:
    """What the interpreter knows of its own library, in two kinds of text.

    The predicates are "inherits" (a class from another, through any number of
    classes between), "part of" (what is defined in a module) and "method of".

    - Docstrings: real sentences with two mentions or more. A relation is what
      the interpreter confirms of two mentions, whether or not the sentence
      says so. There are too few of them to learn from alone.
    - Made sentences: facts about classes and functions in the phrasings of
      `phrasings`. A relation is what the sentence states. They are no test of
      reading, as all phrasings are known from training; the names are not.

    Modules that are held out give no sentence to train on. Of docstrings
    without a relation, as many are kept as have one.

    Args:
        modules: Top-level modules to read; if `None`, all that can be imported
            without effects.
        valid_share: About the share of each kind to hold out.
        max_sentences: The most made sentences to train on.
    """
    chosen = sorted(filter(is_public, modules or sys.stdlib_module_names))
    records, sentences = _ask_child(chosen)
    held = hold_out([record["top"] for record in records], valid_share)
    made, real = [], []
    for is_held in (False, True):
        of_part = [r for r in records if (r["top"] in held) == is_held]
        random.Random(0).shuffle(of_part)
        made.append(phrase(of_part))
        in_part = [s[1:] for s in sentences if (s[0] in held) == is_held]
        real.append(_thin_out(in_part))
    train = made[0][:max_sentences] + real[0]
    count = sum(bool(relations) for _, relations in real[0] + real[1])
    share = int(max_sentences * valid_share)
    return RelationCorpus(
        predicates_of(train),
        train,
        {"made sentences": made[1][:share], "docstrings": real[1]},
        [
            f"The docstrings have {count} sentences with a relation, too few "
            f"to learn from. {len(train) - len(real[0])} sentences made from "
            "facts of the interpreter are added."
        ],
    )


def _thin_out(examples: list[Example]) -> list[Example]:
    linked = [example for example in examples if example[1]]
    others = [example for example in examples if not example[1]]
    return linked + random.Random(0).sample(
        others, min(len(linked), len(others))
    )


def _ask_child(modules: list[str]) -> tuple[list[Any], list[Any]]:
    """Runs `facts.main` without site packages, warnings, or a screen."""
    above = str(pathlib.Path(__file__).resolve().parents[1])
    child = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "ignore", "-c", CHILD, above],
        input=json.dumps({"modules": modules, "max_characters": 256}),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if child.returncode:
        raise RuntimeError(
            f"Reading the standard library failed:\n{child.stderr[-2000:]}"
        )
    records, sentences = json.loads(child.stdout.splitlines()[-1])
    return records, [
        (top, text, _read_links(links)) for top, text, links in sentences
    ]


def _read_links(links: list[Any]) -> list[Relation]:
    return [(tuple(a), predicate, tuple(b)) for a, predicate, b in links]
