"""The notebooks that are made of the examples."""

import ast
import json
import os
import re
import subprocess
import sys

import pytest

from tests.docs import pages


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    """All notebooks, as a user writes them."""
    folder = tmp_path_factory.mktemp("notebooks")
    script = pages.DOCS / "notebooks.py"
    subprocess.run([sys.executable, script, folder], check=True)
    return {
        path.stem: json.loads(path.read_text("utf-8"))
        for path in folder.iterdir()
    }


def code_of(notebook):
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            yield "".join(cell["source"])


def test_there_is_one_for_each_example(notebooks):
    scripts = (pages.ROOT / "examples").glob("*.py")
    wanted = {s.stem for s in scripts if "__main__" in s.read_text("utf-8")}
    assert set(notebooks) == wanted


def test_they_are_valid(notebooks):
    for notebook in notebooks.values():
        assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
        ids = [cell["id"] for cell in notebook["cells"]]
        assert len(set(ids)) == len(ids)
        first, *rest = code_of(notebook)
        assert first.startswith("%pip install")
        assert "\n" not in first
        for code in rest:
            if not code.startswith(("%%", "!")):
                ast.parse(code)


def test_they_have_all_of_the_script(notebooks):
    for name, notebook in notebooks.items():
        script = (pages.ROOT / "examples" / f"{name}.py").read_text("utf-8")
        cells = list(code_of(notebook))
        parts = [
            ast.dump(node)
            for code in cells
            if not code.startswith(("%", "!"))
            for node in ast.parse(code).body
        ]
        for node in ast.parse(script).body[1:-1]:
            assert ast.dump(node) in parts, (name, node.lineno)


def test_they_bring_what_they_import(notebooks):
    for name, notebook in notebooks.items():
        cells = list(code_of(notebook))
        for module in ("encoders", "show", "similarity_methods", "corpora"):
            used = re.compile(rf"^(from|import) {module}\b", re.M)
            if any(used.search(code) for code in cells):
                file = module + ("/__init__" if module == "corpora" else "")
                start = f"%%writefile {file}.py\n"
                assert any(code.startswith(start) for code in cells), name


@pytest.mark.slow
def test_one_runs(notebooks, tmp_path):
    cells = list(code_of(notebooks["step_size"]))
    kept = [code for code in cells[1:] if "IPython" not in code]
    options = '"--epochs=1", "--steps=2", "--rates=0.1"'
    text = "\n\n".join(kept).replace(
        'sys.argv = ["step_size.py"', f'sys.argv = ["step_size.py", {options}'
    )
    (tmp_path / "cells.py").write_text(text, "utf-8")
    done = subprocess.run(
        [sys.executable, "cells.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(pages.ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "outputs/step_size/accuracy_by_rate.png").exists()
