"""Reads the labelled sentences out of the standard library's docstrings.

`harvest` imports what it reads. `standard_library` therefore runs it in an
interpreter of its own, so that nothing of the caller's changes.
"""

import contextlib
import inspect
import json
import sys
import types
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

from .corpus import Span
from .mentions import find_mentions
from .mentions import has_doubtful_call
from .names import MISSING
from .names import Scope
from .names import import_public
from .names import is_public
from .names import scope_of
from .names import submodules
from .passages import passages


def harvest(
    modules: Iterable[str], max_characters: int
) -> list[tuple[str, str, list[Span]]]:
    """Every sentence once, in a fixed order.

    Args:
        modules: Names of top-level modules; those that this interpreter
            cannot import give nothing.
        max_characters: Length of the longest sentence to keep.

    Returns:
        `(top-level module, sentence, spans)`; a sentence that is in several
        docstrings counts for the first of them.
    """
    found: dict[str, tuple[str, str, list[Span]]] = {}
    for module_name, thing, scope in documented(modules):
        for text in passages(_docstring(thing), max_characters):
            if text not in found:
                top = module_name.split(".")[0]
                found[text] = (top, text, find_mentions(text, scope))
    return [
        (top, text, spans)
        for top, text, spans in found.values()
        if not has_doubtful_call(text, spans)
    ]


def documented(modules: Iterable[str]) -> Iterator[tuple[str, Any, Scope]]:
    """Each module, class, function and descriptor, with its scope."""
    seen: set[int] = set()
    for module in walk(modules):
        name = module.__name__
        yield name, module, scope_of(name)
        for _, thing in sorted(vars(module).items()):
            if _belongs(thing, name) and id(thing) not in seen:
                yield from _parts(thing, name, (), seen)


def walk(modules: Iterable[str]) -> Iterator[types.ModuleType]:
    """The modules and, after each package, what is inside it."""
    for name in sorted(modules):
        module = import_public(name)
        if module is not MISSING:
            yield module
            yield from walk(submodules(module))


def _belongs(thing: Any, module_name: str) -> bool:
    """Defined here, or in a private module that hands it out here."""
    if not (isinstance(thing, type) or inspect.isroutine(thing)):
        return False
    home = getattr(thing, "__module__", None)
    return home == module_name or not is_public(str(home))


def _parts(
    thing: Any, module_name: str, classes: tuple[type, ...], seen: set[int]
) -> Iterator[tuple[str, Any, Scope]]:
    seen.add(id(thing))
    thing = getattr(thing, "__func__", thing)
    yield module_name, thing, scope_of(module_name, classes, _names(thing))
    if not isinstance(thing, type):
        return
    inner = (thing, *classes)
    for _, part in sorted(vars(thing).items()):
        described = inspect.isroutine(part) or inspect.isdatadescriptor(part)
        nested = isinstance(part, type) and part.__module__ == module_name
        if (described or nested) and id(part) not in seen:
            yield from _parts(part, module_name, inner, seen)


def _docstring(thing: Any) -> str:
    docstring = inspect.getdoc(thing)
    return docstring if isinstance(docstring, str) else ""


def _names(thing: Any) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(thing).parameters)
    except Exception:  # it evaluates defaults, which can fail in any way
        return ()


def main() -> None:
    """Reads arguments of `harvest` from stdin, writes the last line in JSON.

    What a module writes when it is imported comes before that line.
    """
    question = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        answer = harvest(**question)
    sys.stdout.write("\n" + json.dumps(answer))
