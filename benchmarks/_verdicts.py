"""Whether figures speak for or against a claim."""

import math
from typing import NamedTuple

from benchmarks._tables import Cell
from benchmarks._tables import cells
from benchmarks._tables import number
from benchmarks._tables import shown_spread


class Comparison(NamedTuple):
    """`better` is above `than` (below, if `lower`) in a table.

    Both are rows of the column `along`, or columns of the row of that name.
    """

    benchmark: str
    table: str
    along: str
    better: str
    than: str
    lower: bool = False
    backend: str | None = None


class Claim(NamedTuple):
    """A sentence of a source, and the comparisons that test it."""

    text: str
    source: str
    differs: str
    comparisons: tuple[Comparison, ...]


def judged(claim: Claim, kept: dict[str, list[dict]]) -> list[str]:
    """The verdict, and the figures that it rests on."""
    held: list[bool] = []
    figures: dict[str, list[str]] = {}
    for comparison in claim.comparisons:
        found = _find(comparison, kept)
        if found is None:
            continue
        held.append(_holds(comparison, *found))
        first, second = map(_text, found)
        figures.setdefault(
            f"{comparison.table} ({comparison.along})", []
        ).append(
            f"{comparison.better} {first} against {comparison.than} {second}"
        )
    lines = [f"{where}: {'; '.join(them)}" for where, them in figures.items()]
    return [_verdict(held), "<br>".join(lines)]


def _find(comparison: Comparison, kept: dict) -> tuple[Cell, Cell] | None:
    rows = [
        row
        for row in kept.get(comparison.benchmark, [])
        if row["table"] == comparison.table
        and comparison.backend in (None, row["backend"])
    ]
    by_name = {}
    for (_, row, column), cell in cells(rows).items():
        names = {column: row, row: column}
        if comparison.along in names and cell.mean is not None:
            by_name[names[comparison.along]] = cell
    if comparison.better in by_name and comparison.than in by_name:
        return by_name[comparison.better], by_name[comparison.than]
    return None


def _holds(comparison: Comparison, first: Cell, second: Cell) -> bool:
    """Whether the difference is above two standard errors."""
    error = math.hypot(first.error, second.error)
    difference = first.mean - second.mean
    return (-difference if comparison.lower else difference) > 2 * error


def _text(cell: Cell) -> str:
    text = number(cell.mean, cell.unit)
    if cell.spread is not None:
        text += f" ± {shown_spread(cell)}"
    return text


def _verdict(held: list[bool]) -> str:
    if not held:
        return "could not be tested here"
    if all(held):
        return "**confirmed**"
    if any(held):
        return f"in part ({sum(held)} of {len(held)})"
    return "not confirmed here"
