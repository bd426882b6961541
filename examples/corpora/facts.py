"""Asks the interpreter what its classes, functions and modules have in common.

`main` imports what it reads, so `relations` runs it in an interpreter of its
own, as `standard_library` does with `docstrings.main`.
"""

import contextlib
import inspect
import itertools
import json
import sys
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

from .corpus import Span
from .docstrings import documented
from .docstrings import walk
from .mentions import find_mentions
from .names import Scope
from .names import kind
from .names import resolve
from .passages import passages

Link = tuple[tuple[int, int], str, tuple[int, int]]


def records(modules: Iterable[str]) -> list[dict[str, Any]]:
    """The public classes and functions that each module defines.

    Returns:
        Dicts of the `top` level module, the full name of the `module`, `name`,
        and, of classes, the names of `bases` and of their own `methods`.
    """
    found = []
    for module in walk(modules):
        top = module.__name__.split(".")[0]
        for name, thing in sorted(vars(module).items()):
            if not name.startswith("_") and _defined(thing, name, module):
                parts = _bases_and_methods(thing)
                found.append(
                    dict(top=top, module=module.__name__, name=name, **parts)
                )
    return found


def sentences(
    modules: Iterable[str], max_characters: int
) -> list[tuple[str, str, list[Link]]]:
    """Sentences of docstrings with two mentions or more, and what links them.

    Returns:
        `(top-level module, sentence, relations)`, each sentence once.
    """
    found: dict[str, tuple[str, str, list[Link]]] = {}
    for module_name, thing, scope in documented(modules):
        docstring = inspect.getdoc(thing)
        docstring = docstring if isinstance(docstring, str) else ""
        for text in passages(docstring, max_characters):
            spans = [] if text in found else find_mentions(text, scope)
            if len(spans) > 1:
                top = module_name.split(".")[0]
                found[text] = top, text, list(links(text, spans, scope))
    return list(found.values())


def links(text: str, spans: list[Span], scope: Scope) -> Iterator[Link]:
    """The relations between mentions that the interpreter confirms.

    Of mentions of one thing, the pair that stands closest is taken.
    """
    things = [(span, _thing(text, span, scope)) for span in spans]
    pairs = [
        (abs(one[0] - other[0]), one[:2], predicate, other[:2], id(a), id(b))
        for (one, a), (other, b) in itertools.permutations(things, 2)
        if (predicate := _predicate(a, b))
    ]
    seen = set()
    for _, subject, predicate, obj, *same in sorted(pairs):
        key = (predicate, *same)
        if key not in seen:
            seen.add(key)
            yield subject, predicate, obj


def _thing(text: str, span: Span, scope: Scope) -> Any:
    """What a mention stands for; None if no reading has its label."""
    start, end, label = span
    path = text[start:end]
    for things in resolve(path, scope):
        if len(things) == path.count(".") + 1 and kind(things[-1]) == label:
            return things[-1]
    return None


def _predicate(one: Any, other: Any) -> str | None:
    """What holds between two things, one and the other way not both."""
    if one is None or other is None or one is other:
        return None
    if isinstance(one, type) and isinstance(other, type):
        return "inherits" if issubclass(one, other) else None
    if inspect.ismodule(other) and not inspect.ismodule(one):
        home = getattr(one, "__module__", None)
        return "part of" if home == other.__name__ else None
    if isinstance(other, type) and inspect.isroutine(one):
        own = any(value is one for value in vars(other).values())
        return "method of" if own else None
    return None


def _defined(thing: Any, name: str, module: Any) -> bool:
    return (
        kind(thing) in ("class", "exception", "function")
        and getattr(thing, "__module__", None) == module.__name__
        and getattr(thing, "__name__", None) == name
    )


def _bases_and_methods(thing: Any) -> dict[str, list[str]]:
    if not isinstance(thing, type):
        return dict(bases=[], methods=[])
    bases = [base.__name__ for base in thing.__bases__ if base is not object]
    methods = [
        n for n, v in sorted(vars(thing).items()) if inspect.isroutine(v)
    ]
    return dict(
        bases=[name for name in bases if not name.startswith("_")],
        methods=[name for name in methods if not name.startswith("_")],
    )


def main() -> None:
    """Reads a question from stdin, writes the last line in JSON."""
    question = json.load(sys.stdin)
    modules = question["modules"]
    with contextlib.redirect_stdout(sys.stderr):
        answer = [
            records(modules),
            sentences(modules, question["max_characters"]),
        ]
    sys.stdout.write("\n" + json.dumps(answer))
