"""Turn the example scripts into notebooks.

    python docs/notebooks.py [--repository OWNER/NAME] FOLDER

Each stands alone: a line that installs the library, the modules that the
script imports from beside it, and the script itself, a cell for a function.
`--repository` is where the library is installed from, PyPI without it.
"""

import argparse
import ast
import json
import re
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"
SCRIPTS = sorted(
    path for path in EXAMPLES.glob("*.py") if "__main__" in path.read_text()
)
RUN = """import sys

__doc__ = "{title}."
# Options of the script go behind its name.
sys.argv = ["{name}"]
main()"""
PICTURES = """from pathlib import Path

from IPython.display import Image
from IPython.display import display

for path in sorted(Path("outputs").rglob("*.png")):
    display(Image(path))"""


def write(script, repository=None):
    """A script as a notebook, in JSON."""
    tree = ast.parse(script.read_text())
    head, *text = ast.get_docstring(tree).split("\n")
    # What is typed in a terminal means nothing here.
    text = re.sub(r"\n( {4}.*\n)+", "\n", "\n".join([*text, ""])).strip()
    title = head.rstrip(".")
    cells = [
        markdown(f"# {title}\n\n{text}"),
        code(install(repository)),
        code('import os\n\nos.environ.setdefault("KERAS_BACKEND", "jax")'),
    ]
    helpers = imported(tree)
    if helpers:
        cells.append(markdown("## Modules that the example imports"))
        folders = sorted({f.parent for f in helpers} - {Path()})
        if folders:
            made = " ".join(str(folder) for folder in folders)
            cells.append(code(f"!mkdir -p {made}"))
        cells += [
            code(f"%%writefile {f}\n{(EXAMPLES / f).read_text()}", hidden=True)
            for f in helpers
        ]
    cells.append(markdown("## The example"))
    cells += [code(part) for part in parts(script.read_text())]
    cells += [
        markdown("## Run it"),
        code(RUN.format(name=script.name, title=title)),
        code(PICTURES),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    language = {"name": "python", "display_name": "Python 3"}
    return json.dumps(
        {
            "cells": cells,
            "metadata": {"kernelspec": {**language, "name": "python3"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        },
        ensure_ascii=False,
        indent=1,
    )


def install(repository):
    """The line that installs the library."""
    source = f" @ git+https://github.com/{repository}" if repository else ""
    return f'%pip install -q "keras-tricks[nlp,jax,examples]{source}"'


def markdown(text):
    """A cell of text."""
    return {"cell_type": "markdown", "metadata": {}, "source": lines(text)}


def code(text, hidden=False):
    """A cell of code that has not run."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"jupyter": {"source_hidden": True}} if hidden else {},
        "outputs": [],
        "source": lines(text),
    }


def lines(text):
    """Text as notebooks keep it."""
    return text.strip("\n").splitlines(keepends=True)


def imported(tree):
    """Files beside the examples that a script imports, and they import.

    Of a folder all files: some are imported by the name in a string.
    """
    found, waiting = set(), [tree]
    while waiting:
        for name in modules(waiting.pop()):
            folder, file = EXAMPLES / name, EXAMPLES / f"{name}.py"
            new = {*folder.glob("*.py"), *EXAMPLES.glob(file.name)} - found
            found |= new
            waiting += [ast.parse(path.read_text()) for path in new]
    return sorted(path.relative_to(EXAMPLES) for path in found)


def modules(tree):
    """The first part of the name of each module that is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


def parts(text):
    """The script without docstring and call: imports, then each definition."""
    tree, source = ast.parse(text), text.splitlines()
    body = tree.body[1:-1]
    starts = [first_line(node) for node in body] + [tree.body[-1].lineno]
    pieces = [
        (node, "\n".join(source[start - 1 : stop - 1]))
        for node, start, stop in zip(body, starts, starts[1:], strict=False)
    ]
    cell = ""
    for node, piece in pieces:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if cell.strip():
                yield cell
            yield piece
            cell = ""
        else:
            cell += piece + "\n"
    if cell.strip():
        yield cell


def first_line(node):
    """Where a statement begins, its decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(d.lineno for d in decorators)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repository", help="OWNER/NAME on GitHub")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for script in SCRIPTS:
        path = arguments.folder / f"{script.stem}.ipynb"
        path.write_text(write(script, arguments.repository), "utf-8")
        print(path)


if __name__ == "__main__":
    main()
