"""`docs/benchmarks.md`, written from the kept figures and nothing else."""

import ast
import json
import re
from pathlib import Path

from benchmarks._claims import CLAIMS
from benchmarks._plots import plot
from benchmarks._report import NOT_RUN
from benchmarks._tables import Table
from benchmarks._tables import latest
from benchmarks._tables import tables
from benchmarks._verdicts import judged

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """\
# Benchmarks

Written by `make bench` from the figures in `benchmarks/results/`; nothing here
is typed by hand. Ratios within a run mean something, times across machines do
not. `python -m benchmarks NAME --data FOLDER` runs one of them again.
"""
QUICK = """
**Cut down by `--quick`**: this shows that everything runs. Figures of so little
training, and the verdicts on claims that come of them, mean nothing.
"""


CLAIMED = """
## Claims

Confirmed is what is ahead by more than two standard errors of the difference:
over seeds, which train anew on the same data and are scored on the same test
set. "In part" counts the comparisons of which that is true.

"""


def write(names, results: Path, page: Path | None = None) -> Path:
    """Write the page and its plots; the way back is its path."""
    page = page or PAGE
    kept = {name: load(results, name) for name in names}
    head = HEAD + QUICK * (results.name == "quick")
    parts = [head, claims(kept)]
    for name, rows in kept.items():
        parts.append(section(name, rows, page.parent / "pictures"))
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(parts), encoding="utf-8")
    return page


def load(results: Path, name: str) -> list[dict]:
    """The rows of a benchmark's last measurements.

    Older figures do not stand in for those that could not be measured.
    """
    path = results / f"{name}.jsonl"
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    if rows and rows[-1]["table"] == NOT_RUN:
        return rows[-1:]
    return [row for row in latest(rows) if row["table"] != NOT_RUN]


def claims(kept: dict[str, list[dict]]) -> str:
    """What the sources say, what was found, and what differs."""
    header = ["claim", "found here", "figures", "what differs"]
    body = [
        [f"{claim.text} ({claim.source})", *judged(claim, kept), claim.differs]
        for claim in CLAIMS
    ]
    return CLAIMED + markdown(Table("", header, body, []), align=":--")


def section(name: str, rows: list[dict], pictures: Path) -> str:
    """A benchmark's description, tables and plots."""
    lines = [f"\n## {name}\n", summary(name)]
    if not rows:
        return "\n".join([*lines, "\nNot run.\n"])
    for number, table in enumerate(tables(rows), 1):
        lines += [f"\n### {table.title}\n", markdown(table)]
        mine = [row for row in rows if row["table"] == table.title]
        path = plot(mine, pictures / f"{name}_{number}.svg")
        if path:
            lines.append(f"![{table.title}](pictures/{path.name})\n")
    return "\n".join([*lines, surroundings(rows)])


def summary(name: str) -> str:
    """The description in a script's docstring, as far as its command."""
    source = (ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
    text = ast.get_docstring(ast.parse(source)) or ""
    # Behind a list an indented command would be a part of it.
    return re.sub(r"(?m)^    (python .*)$", r"```sh\n\1\n```", text) + "\n"


def markdown(table: Table, align: str = "--:") -> str:
    """A table in Markdown, figures to the right, its notes below."""
    lines = [table.header, [":--", *[align] * (len(table.header) - 1)]]
    rows = [f"| {' | '.join(line)} |" for line in [*lines, *table.body]]
    notes = [f"\n{note}" for note in table.notes]
    return "\n".join([*rows, *notes]) + "\n"


def surroundings(rows: list[dict]) -> str:
    """Where and when a benchmark's figures were measured."""
    days = sorted({row["date"][:10] for row in rows})
    versions: dict[str, str] = {}
    for row in rows:
        versions |= row["versions"]
    return (
        f"Measured {' to '.join(dict.fromkeys([days[0], days[-1]]))}, "
        f"{rows[-1]['hardware']}, Python {rows[-1]['python']}, "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + ".\n"
    )
