"""Finds the names in a docstring that the interpreter can confirm."""

import re
from typing import Any

from .corpus import Span
from .corpus import sorted_spans
from .names import LABELS
from .names import Scope
from .names import kind
from .names import resolve

# A name with its dots, unless it follows a dot, a dash, a sign of a variable.
NAME = re.compile(r"(?<![\w.\-\\$%])[^\W\d]\w*+(?:\.[^\W\d]\w*+)*+")
NOT_A_NAME = re.compile(  # addresses, paths, file names
    r"\w+://\S+|\S+@\w\S*\.\w+|(?<![\w)])[~.]*/\w+[\w./-]*"
    r"|(?:[\w.-]+/)+[\w-]+\.\w+"
    r"|\b[\w-]+\.(?:py[cdiwx]?|txt|html?|xml|json|cfg|ini|conf|exe|dll|so"
    r"|zip|gz|tar|csv|db|log|pth|toml|com|org|net|edu)\b(?![.(])"
)
CALL = re.compile(r"(?<![\w.])([^\W\d]\w*+)\((?!e?s\))")
CALLABLE = ("class", "function", "exception")

# Builtins and modules spelt like no English word: they need no sign of code.
UNMISTAKABLE = re.compile(
    r"bool|bytearray|classmethod|delattr|dict|divmod|float|frozenset|getattr"
    r"|hasattr|int|isinstance|issubclass|len|memoryview|repr|setattr"
    r"|staticmethod|str|tuple"
    r"|asyncio|ctypes|functools|itertools|os|sys|unittest|urllib|zlib"
)
# Words that name the kind of the name before them.
ROLES = {
    "class": r"(?:class|object|instance)(?:e?s)?|subclass|type",
    "module": r"modules?|package",
    "exception": r"exceptions?",
}
ROLE = {
    label: re.compile(rf"(?: (?:and|or) \w+)? (?:{words})\b(?!\()")
    for label, words in ROLES.items()
}
THE = re.compile(r"\b(?:the|built-?in) $", re.IGNORECASE)
A_FUNCTION = re.compile(r" (?:function|method|decorator)\b")
ORDINARY = ("object", "type")  # "an object type" has neither mention
# Where a capital letter says nothing.
SENTENCE_START = re.compile(r"(?:^|[.!?:;]['\")\]]*\s+|^\W+|\s[-*]+\s)$")
IN_TITLE = re.compile(r"\S [A-Z]\w* $")


def find_mentions(text: str, scope: Scope) -> list[Span]:
    """The spans of confirmed names, parts of dotted paths included.

    Modules that a name could stand for are imported, if they are public.
    `standard_library` says which names count.

    Args:
        text: A passage of a docstring.
        scope: Where to look names up.

    Returns:
        Sorted spans `(start, end, label)`, with the labels of `LABELS`.

    Example:
        >>> for span in find_mentions("See os.path.join().", Scope()):
        ...     print(span)
        (4, 16, 'function')
        (4, 11, 'module')
        (4, 6, 'module')
    """
    hidden = [match.span() for match in NOT_A_NAME.finditer(text)]
    spans: list[Span] = []
    for match in NAME.finditer(text):
        start, end = match.span()
        if not any(a < end and start < b for a, b in hidden):
            spans += _read(text, start, match.group(), scope)
    return sorted_spans(spans)


def has_doubtful_call(text: str, spans: list[Span]) -> bool:
    """Whether a call like `name(x)` in the text is none of the mentions.

    `read()` of "a file's read() method" looks like a mention as much as
    any other, but no scope knows it: such a text would teach to miss it.
    """
    ends = {end for _, end, _ in spans}
    return any(call.end(1) not in ends for call in CALL.finditer(text))


def _read(text: str, start: int, path: str, scope: Scope) -> list[Span]:
    readings = resolve(path, scope)
    longest: list[Any] = max(readings, key=len, default=[])
    parts = path.split(".")
    if len(longest) > 1:
        labels = [kind(thing) for thing in longest]
    else:  # a bare name, or the head of a path that leads nowhere
        labels = [_label(text, start, parts[0], readings, len(parts) == 1)]
    ends = (len(".".join(parts[:n])) for n in range(1, len(parts) + 1))
    pairs = zip(ends, labels, strict=False)
    return [(start, start + end, label) for end, label in pairs if label]


def _label(
    text: str, start: int, name: str, readings: list[list[Any]], alone: bool
) -> str | None:
    before, after = text[:start], text[start + len(name) :]
    kinds = [kind(things[0]) for things in readings]
    rules = [_by_context(before, name, after)] if alone else []
    for wanted in (*rules, _by_spelling(before, name, after)):
        for label in kinds:
            if label in wanted:
                return label
    return None


def _by_spelling(before: str, name: str, after: str) -> tuple[str, ...]:
    """The labels that a bare name may have wherever it stands."""
    if UNMISTAKABLE.fullmatch(name):
        return () if after.startswith("-") else LABELS  # "os-independent"
    if "_" in name:
        return LABELS
    if name[1:] != name[1:].lower() and name != name.upper():
        return LABELS
    proper = name.istitle() and not SENTENCE_START.search(before)
    title = re.match(r"-| [A-Z]", after) or IN_TITLE.search(before)
    return ("class", "exception") if proper and not title else ()


def _by_context(before: str, name: str, after: str) -> tuple[str, ...]:
    """The labels that a bare name may have for the signs around it."""
    if CALL.match(name + after):
        return CALLABLE
    if re.search(r"`[~.!]?$", before) and after.startswith("`"):
        not_ours = re.match(r"`+ (?:arg|param|attr|option|key)", after)
        return () if not_ours else LABELS
    if before.endswith("@"):
        return CALLABLE
    if THE.search(before) and A_FUNCTION.match(after):
        return ("function",)
    if name in ORDINARY:
        return ()
    return tuple(label for label in ROLE if ROLE[label].match(after))
