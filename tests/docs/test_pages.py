"""The documentation's code runs, its links lead on, its languages agree."""

import ast
import importlib
import re
from collections import Counter

import pytest

from tests.docs import pages

PAGES = [
    pytest.param(path, id=str(path.relative_to(pages.ROOT)))
    for path in pages.all_pages()
]
TRANSLATED = [
    pytest.param(path, path.with_suffix(".zh.md"), id=path.stem)
    for path in sorted(pages.DOCS.rglob("*.md"))
    if path.with_suffix(".zh.md").exists()
]
README = pages.ROOT / "README.md", pages.ROOT / "README.zh-CN.md"
# A block that calls one of these downloads weights: it is compiled, not run.
DOWNLOADS = re.compile(r"\.from_preset\(")


def runnable():
    """Pages with code, but translations, whose code is the same."""
    for path in pages.all_pages():
        text = path.read_text("utf-8")
        same = path.suffixes[:-1] == [".zh"] or path == README[1]
        if not same and pages.code_blocks(text, "python"):
            yield pytest.param(path, id=str(path.relative_to(pages.ROOT)))


@pytest.mark.parametrize("path", list(runnable()))
def test_its_code_runs(path):
    names = {"__name__": "page"}
    for code in pages.code_blocks(path.read_text("utf-8"), "python"):
        block = compile(code, str(path), "exec")
        if not DOWNLOADS.search(code):
            exec(block, names)


@pytest.mark.parametrize("path", PAGES)
def test_its_code_imports_what_exists(path):
    for code in pages.code_blocks(path.read_text("utf-8"), "python"):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    assert hasattr(module, alias.name), alias.name


@pytest.mark.parametrize("path", PAGES)
def test_its_links_lead_to_files(path):
    for target in pages.links(path.read_text("utf-8")):
        if target.startswith(("http://", "https://", "#")):
            continue
        if target.startswith("notebooks/"):  # Made of a script.
            script = target.replace("notebooks", "../examples")
            target = script.replace(".ipynb", ".py")
        assert (path.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize(("english", "chinese"), TRANSLATED)
def test_both_languages_have_the_same(english, chinese):
    one, other = (p.read_text("utf-8") for p in (english, chinese))
    assert pages.headings(one) == pages.headings(other)
    assert pages.code_blocks(one) == pages.code_blocks(other)
    assert Counter(pages.formulas(one)) == Counter(pages.formulas(other))
    assert pages.tables(one) == pages.tables(other)
    assert Counter(pages.links(one)) == Counter(pages.links(other))


def test_both_readmes_have_the_same_sections_and_code():
    one, other = (path.read_text("utf-8") for path in README)
    assert pages.headings(one) == pages.headings(other)
    assert pages.code_blocks(one) == pages.code_blocks(other)


def test_what_is_read_most_is_in_both_languages():
    wanted = [pages.DOCS / "index.md", pages.DOCS / "choose.md"]
    wanted += sorted((pages.DOCS / "tricks").glob("[!.]*.md"))
    for path in wanted:
        if path.suffixes[:-1] != [".zh"]:
            assert path.with_suffix(".zh.md").exists(), path


def test_each_trick_has_every_section():
    sections = [
        "## Formula",
        "## Ten lines",
        "## When it helps",
        "## When it does not",
        "## How it was checked",
        "## Cost",
        "## Reference",
    ]
    for path in sorted((pages.DOCS / "tricks").glob("*.md")):
        if path.suffixes[:-1] != [".zh"]:
            text = path.read_text("utf-8")
            found = re.findall("^## .*", pages.without_code(text), re.M)
            assert found == sections, path
            assert "![" in text, path


def test_every_package_has_a_page_of_the_api():
    for name in importlib.import_module("keras_tricks").__all__:
        text = (pages.DOCS / "api" / f"{name}.md").read_text("utf-8")
        assert f"::: keras_tricks.{name}\n" in text


def test_every_picture_is_drawn_by_a_script_and_shown():
    drawn = set()
    for script in (pages.DOCS / "pictures").glob("[!_]*.py"):
        drawn |= set(re.findall(r'save\(figure, "(\w+)"\)', script.read_text()))
    kept = {path.stem for path in (pages.DOCS / "images").iterdir()}
    shown = {
        target.rpartition("/")[2].removesuffix(".png")
        for path in pages.all_pages()
        for target in pages.links(path.read_text("utf-8"))
        if target.endswith(".png")
    }
    assert drawn == kept == shown


def test_figures_of_seeds_are_those_of_the_benchmarks():
    benchmarks = pages.DOCS / "benchmarks.md"
    measured = benchmarks.read_text("utf-8")
    found = [
        (path.name, figure)
        for path in pages.all_pages()
        if path != benchmarks
        for figure in re.findall(r"[\d.]+ ± [\d.]*\d", path.read_text("utf-8"))
    ]
    assert {path.name for path in README} <= {name for name, _ in found}
    assert [(n, f) for n, f in found if f"{f} " not in measured] == []
