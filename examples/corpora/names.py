"""Asks the running interpreter what a name in a docstring stands for."""

import builtins
import functools
import importlib
import inspect
import pkgutil
import re
import sys
import types
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from typing import Any
from typing import NamedTuple

LABELS = ("module", "class", "function", "exception")

# Modules that are neither imported nor labelled: private ones, and those
# that open a window or a browser, print, need a display, hold tests, or are
# on their way out (setuptools puts its own distutils in place). posix and nt
# are other names for what is in os; the many encodings share one sentence.
LEFT_OUT = re.compile(
    r"_.*|xx.*|antigravity|this|idlelib|turtle|turtledemo|tkinter|tests?"
    r"|lib2to3|distutils|ensurepip|pydoc_data|posix|nt|encodings"
)
MISSING = object()


class Names(dict[str, Any]):
    """A space of names that is neither a module nor a class."""


class Scope(NamedTuple):
    """Where the names of one docstring are looked up.

    Attributes:
        spaces: What has the names as its members, innermost first. The
            builtins, their special methods and the top-level modules always
            follow.
        parameters: Names that stand for a parameter here: no mentions.
    """

    spaces: tuple[Any, ...] = ()
    parameters: frozenset[str] = frozenset()


def scope_of(
    module_name: str,
    classes: Iterable[type] = (),
    parameters: Collection[str] = (),
) -> Scope:
    """The scope of a docstring: its classes, module and parent packages.

    The methods of a module's classes are in view in all its docstrings.
    """
    spaces: list[Any] = list(classes)
    parts = module_name.split(".")
    for length in range(len(parts), 0, -1):
        module = import_public(".".join(parts[:length]))
        if module is not MISSING:
            spaces += [module, methods_in(module)]
    return Scope(tuple(spaces), frozenset(parameters))


def is_public(module_name: str) -> bool:
    """Whether the name is that of a module we import and label."""
    parts = module_name.split(".")
    return parts[0] in sys.stdlib_module_names and not any(
        LEFT_OUT.fullmatch(part) for part in parts
    )


@functools.cache
def import_public(module_name: str) -> Any:
    """The module, or `MISSING` where this interpreter has none to give."""
    if not is_public(module_name):
        return MISSING
    try:
        return importlib.import_module(module_name)
    except Exception:  # each platform lacks some, and says so in many ways
        return MISSING


def submodules(module: types.ModuleType) -> list[str]:
    """Full names of the public modules right inside a package."""
    found = pkgutil.iter_modules(getattr(module, "__path__", ()))
    names = (f"{module.__name__}.{item.name}" for item in found)
    return sorted(filter(is_public, names))


def kind(thing: Any) -> str | None:
    """The label of what a name stands for; `None` for any other object."""
    if isinstance(thing, types.ModuleType):
        return "module" if is_public(thing.__name__) else None
    if isinstance(thing, type):
        return "exception" if issubclass(thing, BaseException) else "class"
    if isinstance(thing, functools.cached_property):
        return None
    return "function" if inspect.isroutine(thing) else None


@functools.cache
def methods_in(module: types.ModuleType) -> Names:
    """The methods of the classes that a module defines."""
    top = module.__name__.split(".")[0]
    classes = (
        thing
        for _, thing in sorted(vars(module).items())
        if isinstance(thing, type) and thing.__module__.split(".")[0] == top
    )
    return _methods(classes, lambda name: not name.startswith("__"))


@functools.cache
def special_methods() -> Names:
    """The double-underscore methods of the built-in classes."""
    classes = (t for t in vars(builtins).values() if isinstance(t, type))
    return _methods(classes, lambda name: name.startswith("__"))


def _methods(classes: Iterable[type], wanted: Callable[[str], bool]) -> Names:
    return Names(
        (name, thing)
        for each in classes
        for name, thing in vars(each).items()
        if wanted(name) and kind(thing) == "function"
    )


def member(thing: Any, name: str) -> Any:
    """What `thing.name` stands for, without running code of `thing`."""
    if isinstance(thing, Names):
        return thing.get(name, MISSING)
    if isinstance(thing, types.ModuleType):
        found = vars(thing).get(name, MISSING)
        if found is MISSING and hasattr(thing, "__path__"):
            return import_public(f"{thing.__name__}.{name}")
        return found
    owner = thing if isinstance(thing, type) else type(thing)
    for base in owner.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return MISSING


def resolve(name: str, scope: Scope) -> list[list[Any]]:
    """The readings of a dotted name, innermost first.

    A reading lists what each prefix stands for, as far as the path leads:
    `os.path.foo` gives the module `os` and the module `os.path`.
    """
    path = name.split(".")
    if path[0] in scope.parameters:
        return []
    top = Names({path[0]: import_public(path[0])})
    spaces = (*scope.spaces, special_methods(), builtins, top)
    return [things for space in spaces if (things := _follow(space, path))]


def _follow(space: Any, path: list[str]) -> list[Any]:
    things: list[Any] = []
    for name in path:
        space = member(space, name)
        if space is MISSING:
            break
        things.append(space)
    return things
