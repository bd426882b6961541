"""The pages of the documentation, taken apart."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"(!?)\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^()\s]+)\)")


def all_pages():
    """Pages that people read: the site's, the README and its translation."""
    return sorted([*DOCS.rglob("*.md"), *ROOT.glob("README*.md")])


def code_blocks(text, *languages):
    """The code between fences, of these languages or of all."""
    found = FENCE.findall(text)
    return [code for name, code in found if not languages or name in languages]


def without_code(text):
    """The page without what is between fences."""
    return FENCE.sub("", text)


def headings(text):
    """The level of each heading, in their order."""
    return [len(m) for m in re.findall(r"^(#+) ", without_code(text), re.M)]


def formulas(text):
    """Displayed and inline formulas."""
    text = re.sub(r"`[^`\n]*`", "", without_code(text))
    return re.findall(r"\$\$.*?\$\$|\$[^$\n]+\$", text, re.S)


def tables(text):
    """For each row of a table how many cells it has, and the code in them."""
    rows = re.findall(r"^\|.*\|$", without_code(text), re.M)
    return [(row.count("|"), sorted(re.findall("`.*?`", row))) for row in rows]


def links(text):
    """Targets of links and pictures."""
    return [target for _, target in LINK.findall(without_code(text))]
