"""Reads whole docstrings of the standard library, and where each stands.

`library_pairs` runs this in an interpreter of its own, so that nothing of the
caller's changes.
"""

import contextlib
import inspect
import json
import sys
from typing import Any

from .docstrings import documented
from .passages import passages


def collect(modules: list[str], max_characters: int) -> list[dict[str, Any]]:
    """The sentences of each docstring, with the names that lead to it.

    A sentence that is in several docstrings counts for the first of them.
    """
    seen: set[str] = set()
    records = []
    for module, thing, _ in documented(modules):
        name = getattr(thing, "__qualname__", None)
        docstring = inspect.getdoc(thing)
        if name is None or not isinstance(docstring, str):
            continue
        found = dict.fromkeys(passages(docstring, max_characters))
        sentences = [text for text in found if text not in seen]
        seen.update(sentences)
        if sentences:
            owner, _, last = str(name).rpartition(".")
            records.append(
                {
                    "top": module.split(".")[0],
                    "module": module,
                    "owner": owner and f"{module}.{owner}",
                    "name": last,
                    "sentences": sentences,
                }
            )
    return records


def main() -> None:
    """Reads arguments of `collect` from stdin, writes the last line in JSON."""
    question = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        answer = collect(**question)
    sys.stdout.write("\n" + json.dumps(answer))
