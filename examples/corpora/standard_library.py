"""A corpus that every machine has: the docstrings of the standard library."""

import hashlib
import json
import math
import pathlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

from .corpus import Corpus
from .corpus import Example
from .names import LABELS
from .names import is_public

Rows = list[tuple[str, Example]]

CHILD = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from corpora.docstrings import main; main()"
)


def standard_library(
    max_characters: int = 256,
    valid_share: float = 0.15,
    modules: Iterable[str] | None = None,
) -> Corpus:
    """Sentences of docstrings, with the names that Python can confirm.

    The labels are "module", "class", "function" (methods too) and
    "exception" (warnings too). A name is a mention if looking it up gives
    such an object: in the class, module and parent packages of the
    docstring, among the methods of the module's classes, in the builtins
    and the public modules of the library. A parameter of the documented
    function is no mention. As many names are ordinary words too, the form
    must say that a name is meant:

    - A dotted path counts as far as it leads, and so does each of its
      prefixes: `os.path.join` is a function and holds the modules `os.path`
      and `os`. Paths from a variable (`self.read`, `S.find`) lead nowhere.
    - Names with an underscore or a capital inside (`OSError`, `getLogger`)
      count anywhere, and so do some builtins and modules that are spelt
      like no English word (`dict`, `isinstance`, `sys`).
    - A name with one capital in front (`Queue`) counts inside a sentence,
      not at its start, and not beside another such word.
    - Any other name (`open`, `list`, `time`, `UUID`) needs a sign: a call's
      bracket, backquotes, `@`, or the right noun after it ("the random
      module", "the open function", "bytes objects"). Plain quotes are none:
      they stand around strings.

    What no scope knows is not labelled. A sentence with such a call ("a
    file's read() method") is left out; other such names (the `MagicMocks` of
    a test) stay, so a finder that is right can still be marked wrong there.

    Sentences of modules that are held out are in `valid` only, and no
    sentence occurs twice. At most a quarter of either part has no mention.
    A child interpreter reads the docstrings, so that no import and no
    warning filter touches the caller. The same interpreter gives the same
    corpus; another version of Python gives another.

    Args:
        max_characters: Length of the longest sentence to keep. Sentences
            of more than 40 words or fewer than 4 are left out anyway.
        valid_share: About the share of sentences to hold out, above 0 and
            below 1.
        modules: Two or more top-level modules to read; if `None`, all that
            can be imported without effects.

    Returns:
        A corpus without a `test` part.

    Raises:
        ValueError: If an argument is out of its range, a module is none of
            those, or there is nothing left to hold out.
    """
    if not 0.0 < valid_share < 1.0:
        raise ValueError(
            "valid_share must be above 0 and below 1. "
            f"Received: valid_share={valid_share}"
        )
    chosen = _chosen(modules)
    rows = _ask_child({"modules": chosen, "max_characters": max_characters})
    if len({module for module, _ in rows}) < 2:
        raise ValueError(
            "Two modules or more must have sentences of at most "
            "max_characters, for there to be one to hold out. "
            f"Received: max_characters={max_characters}, modules={chosen}"
        )
    held_out = hold_out([module for module, _ in rows], valid_share)
    parts = (
        [row[1] for row in rows if (row[0] in held_out) == is_valid]
        for is_valid in (False, True)
    )
    return Corpus("standard_library", LABELS, *map(thin_out, parts))


def hold_out(modules: list[str], share: float) -> set[str]:
    """Modules that have about `share` of the sentences between them.

    In the order of a hash, each module is taken that brings the sum closer
    to the share; one at least is taken, and one at least is not.

    Args:
        modules: The module of each sentence.
        share: The share of the sentences to hold out.
    """
    sizes = Counter(modules)
    wanted, held, taken = share * len(modules), set(), 0
    for module in sorted(sizes, key=_digest)[:-1]:
        if abs(taken + sizes[module] - wanted) < abs(taken - wanted):
            held.add(module)
            taken += sizes[module]
    return held or {min(sizes, key=lambda module: (sizes[module], module))}


def thin_out(examples: list[Example]) -> list[Example]:
    """Keeps at most one example without a mention for three with one."""
    empty = [text for text, spans in examples if not spans]
    allowed = math.floor((len(examples) - len(empty)) / 3)
    kept = set(sorted(empty, key=_digest)[:allowed])
    return [each for each in examples if each[1] or each[0] in kept]


def _chosen(modules: Iterable[str] | None) -> list[str]:
    known = sorted(filter(is_public, sys.stdlib_module_names))
    chosen = known if modules is None else sorted(set(modules))
    unknown = [module for module in chosen if module not in known]
    if unknown:
        raise ValueError(
            "modules must be top-level modules of the standard library that "
            "can be imported without effects. "
            f"Received: modules={chosen}, not among them: {unknown}"
        )
    return chosen


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _ask_child(question: dict[str, Any]) -> Rows:
    """Runs `docstrings.main` without site packages, warnings, or a screen."""
    above = str(pathlib.Path(__file__).resolve().parents[1])
    child = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "ignore", "-c", CHILD, above],
        input=json.dumps(question),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if child.returncode:
        raise RuntimeError(
            f"Reading the standard library failed:\n{child.stderr[-2000:]}"
        )
    return [
        (module, (text, [tuple(span) for span in spans]))
        for module, text, spans in json.loads(child.stdout.splitlines()[-1])
    ]
