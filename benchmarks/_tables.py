"""Rows of figures laid out as tables."""

import math
import statistics
from typing import NamedTuple

from benchmarks._report import print_table


class Cell(NamedTuple):
    """What all rows of one cell say together."""

    mean: float | None
    spread: float | None
    error: float
    count: int
    unit: str
    ratio: float | None
    peer: str | None
    note: str | None
    x: float | None
    curve: str | None


class Table(NamedTuple):
    """A table as text, and what belongs below it."""

    title: str
    header: list[str]
    body: list[list[str]]
    notes: list[str]


def latest(rows: list[dict]) -> list[dict]:
    """Those of the last run that measured their cell."""
    newest: dict[tuple, str] = {}
    for row in rows:
        newest[_cell(row)] = row["run"]
    return [row for row in rows if row["run"] == newest[_cell(row)]]


def cells(rows: list[dict]) -> dict[tuple[str, str, str], Cell]:
    """(backend, row, column) → cell, of the rows of one table."""
    grouped: dict[tuple, list[dict]] = {}
    for row in latest(rows):
        key = row["backend"], row["row"], row["column"]
        grouped.setdefault(key, []).append(row)
    return {key: _summary(group) for key, group in grouped.items()}


def tables(rows: list[dict]) -> list[Table]:
    """All tables of a benchmark, in the order in which they were written."""
    titles = dict.fromkeys(row["table"] for row in rows)
    return [
        _table(
            title,
            _side_by_side(
                cells([row for row in rows if row["table"] == title])
            ),
        )
        for title in titles
    ]


def show(rows: list[dict]) -> None:
    """Print the tables of the rows of this run."""
    for table in tables([{"run": "", **row} for row in rows]):
        print(f"\n{table.title}")
        print_table(table.header, table.body)
        for note in table.notes:
            print(f"  {note}")
    print(flush=True)


def number(value: float, unit: str = "") -> str:
    """Three digits that count, one after the point for points at least."""
    if isinstance(value, int) or value == 0:
        return f"{int(value):,}"
    size = math.floor(math.log10(abs(value)))
    if size < -3:
        return f"{value:.1e}"
    return f"{value:,.{_decimals(value, unit)}f}"


def _decimals(value: float, unit: str) -> int:
    size = math.floor(math.log10(abs(value))) if value else 0
    if unit == "points":
        return min(max(2 - size, 1), 2)
    return max(2 - size, 0)


def shown_spread(cell: Cell) -> str:
    """With as many decimals as its mean."""
    if 0 < abs(cell.mean) < 1e-3:
        return f"{cell.spread:.1e}"
    return f"{cell.spread:.{_decimals(cell.mean, cell.unit)}f}"


def _cell(row: dict) -> tuple:
    return tuple(row[key] for key in ("table", "backend", "row", "column"))


def _summary(rows: list[dict]) -> Cell:
    last = rows[-1]
    by_seed = {row.get("seed"): row["value"] for row in rows}
    values = [value for value in by_seed.values() if value is not None]
    mean = statistics.fmean(values) if values else None
    if len(values) == 1:
        mean = values[0]  # An integer stays one.
    given = last.get("spread")
    spread = statistics.stdev(values) if len(values) > 1 else given
    # Seeds that are scored on the same test set share its error, `given`.
    error = (spread or 0.0) / math.sqrt(max(len(values), 1))
    return Cell(
        mean,
        spread,
        max(error, given or 0.0),
        len(values),
        last["unit"],
        last.get("ratio"),
        last.get("peer"),
        last.get("note"),
        last.get("x"),
        last.get("curve") or last["row"],
    )


def _side_by_side(found: dict[tuple, Cell]) -> dict[tuple, Cell]:
    """Backends as columns, where there is one column otherwise."""
    backends, _, columns = (set(key) for key in zip(*found, strict=True))
    if len(columns) > 1 or len(backends) == 1:
        return found
    return {("", name, backend): c for (backend, name, _), c in found.items()}


def _table(title: str, found: dict[tuple, Cell]) -> Table:
    backends, names, columns = (
        list(dict.fromkeys(key[i] for key in found)) for i in range(3)
    )
    units = {
        column: {c.unit for key, c in found.items() if key[2] == column}
        for column in columns
    }
    header = ["", *(_heading(column, units[column]) for column in columns)]
    reasons = list(dict.fromkeys(c.note for c in found.values() if c.note))
    body = []
    for backend in backends:
        for name in names:
            line = [found.get((backend, name, column)) for column in columns]
            if any(line):
                label = f"{backend}: {name}" if len(backends) > 1 else name
                texts = [
                    _text(cell, len(units[column]) > 1, reasons)
                    for column, cell in zip(columns, line, strict=True)
                ]
                body.append([label, *texts])
    return Table(title, header, body, _notes(found, backends, reasons))


def _notes(found: dict, backends: list[str], reasons: list[str]) -> list[str]:
    """What the marks and signs in a table mean."""
    notes = [f"[{i}] {reason}" for i, reason in enumerate(reasons, 1)]
    peers = dict.fromkeys(c.peer for c in found.values() if c.ratio is not None)
    for peer in filter(None, peers):
        notes.append(f"(… ×): over {peer}, in the same run")
    counts = {c.count for c in found.values() if c.count > 1}
    if counts:
        seeds = " to ".join(str(n) for n in sorted({min(counts), max(counts)}))
        notes.append(f"±: deviation over {seeds} seeds")
    if len(backends) == 1 and backends[0]:
        notes.append(f"backend: {backends[0]}")
    return notes


def _heading(column: str, units: set[str]) -> str:
    unit = next(iter(units)) if len(units) == 1 else ""
    return f"{column}, {unit}" if unit else column


def _text(cell: Cell | None, with_unit: bool, reasons: list[str]) -> str:
    if cell is None:
        return ""
    mark = f" [{reasons.index(cell.note) + 1}]" if cell.note else ""
    if cell.mean is None:
        return f"not run{mark}"
    text = number(cell.mean, cell.unit)
    if cell.spread is not None:
        text += f" ± {shown_spread(cell)}"
    if with_unit and cell.unit:
        text += f" {cell.unit}"
    if cell.ratio is not None:
        text += f" ({number(float(cell.ratio))} ×)"
    return text + mark
