"""Says facts about Python in sentences, and where in them the names stand."""

import random
import string
from collections.abc import Iterable
from typing import Any

# What is said, and what that states of the names in braces: `c` a class, `b`
# its base, `f` its method, `x` and `y` anything defined in the module `m`, and
# `o` another module. Some say what does not hold, and state nothing.
PHRASINGS = (
    ("{c} is a subclass of {b}.", "c inherits b"),
    ("{c} inherits from {b}.", "c inherits b"),
    ("{b} is the base class of {c}.", "c inherits b"),
    ("Whatever takes a {b} takes a {c}, which extends it.", "c inherits b"),
    ("{c}, a {b} with a {f}() of its own.", "c inherits b, f method of c"),
    ("{c} derives from {b} and lives in {m}.", "c inherits b, c part of m"),
    ("{c} has nothing to do with {o}.", ""),
    ("{f}() is a method of {c}.", "f method of c"),
    ("To do so, call {f}() on an instance of {c}.", "f method of c"),
    ("A {c} has a method named {f}.", "f method of c"),
    ("See {c}.{f}() for details.", "c.f method of c"),
    ("{m} has a class {c} with {f}().", "c part of m, f method of c"),
    ("The {m} module defines {x}.", "x part of m"),
    ("Import {x} from {m} first.", "x part of m"),
    ("{x} and {y} are both defined in {m}.", "x part of m, y part of m"),
    ("In {m} there is {x}, and {o} is another module.", "x part of m"),
    ("It returns what {m}.{x} returns.", "m.x part of m"),
    ("{x} is not in {o} but in {m}.", "x part of m"),
    ("Neither {x} nor {y} is part of {o}.", ""),
    ("Use {x} with {o} and {y}.", ""),
)

Link = tuple[tuple[int, int], str, tuple[int, int]]


def phrase(
    records: list[dict[str, Any]], seed: int = 0
) -> list[tuple[str, list[Link]]]:
    """A sentence about each function, three about each class.

    Each in another of the phrasings that fit it.

    Args:
        records: What `facts.records` gives.
        seed: Of the choice of phrasings and names.
    """
    chance = random.Random(seed)
    modules = sorted({record["module"] for record in records})
    beside: dict[str, list[str]] = {}
    for record in records:
        beside.setdefault(record["module"], []).append(record["name"])
    said = []
    for record in records:
        names = _names(record, beside[record["module"]], modules, chance)
        fitting = [p for p in PHRASINGS if _fields(p[0]) <= set(names)]
        number = min(3 if "c" in names else 1, len(fitting))
        said += [fill(*p, names) for p in chance.sample(fitting, number)]
    return said


def fill(
    phrasing: str, stated: str, names: dict[str, str]
) -> tuple[str, list[Link]]:
    """Put names into a phrasing, and offsets into what it states.

    Example:
        >>> fill("{c} is a {b}.", "c inherits b", {"c": "bool", "b": "int"})
        ('bool is a int.', [((0, 4), 'inherits', (10, 13))])
    """
    text, places = "", {}
    for words, field, _, _ in string.Formatter().parse(phrasing):
        text += words
        if field:
            places[field] = len(text), len(text) + len(names[field])
            text += names[field]
    links = []
    for statement in filter(None, stated.split(", ")):
        subject, *predicate, obj = statement.split()
        links.append(
            (_place(subject, places), " ".join(predicate), places[obj])
        )
    return text, links


def _place(fields: str, places: dict[str, tuple[int, int]]) -> tuple[int, int]:
    """Where a field, or a path of two, stands."""
    path = fields.split(".")
    return places[path[0]][0], places[path[-1]][1]


def _names(
    record: dict[str, Any],
    beside: Iterable[str],
    modules: list[str],
    chance: random.Random,
) -> dict[str, str]:
    names = {"m": record["module"], "x": record["name"]}
    others = {
        "b": record["bases"],
        "f": record["methods"],
        "y": [name for name in beside if name != record["name"]],
        "o": [each for each in modules if each != record["module"]],
    }
    for field, choices in others.items():
        if choices:
            names[field] = chance.choice(choices)
    if "b" in names or "f" in names:
        names["c"] = record["name"]
    return names


def _fields(phrasing: str) -> set[str]:
    parsed = string.Formatter().parse(phrasing)
    return {field for _, field, _, _ in parsed if field}
