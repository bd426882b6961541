"""What every benchmark writes: rows of figures, one for each that was measured.

A row says which cell of which table it belongs to. `benchmarks/results/` keeps
the rows as JSON lines; `_tables.py` lays them out, for the terminal and for
`docs/benchmarks.md` alike.
"""

import json
import os
import platform
import time
from datetime import UTC
from datetime import datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version
from pathlib import Path

import keras

RESULTS = Path(__file__).parent / "results"
# The table of a benchmark that could not be run.
NOT_RUN = "Not run"
# The processes of one run share its number: a cell is its latest run's.
RUN = os.environ.setdefault("KERAS_TRICKS_RUN", f"{time.time():.0f}")


def figure(
    table: str,
    row: str,
    column: str,
    value: float | None,
    unit: str = "",
    *,
    spread: float | None = None,
    seed: int | None = None,
    x: float | None = None,
    curve: str | None = None,
    peer: str | None = None,
    ratio: float | None = None,
    note: str | None = None,
    backend: str | None = None,
    **settings,
) -> dict:
    """One measured figure.

    `table`, `row` and `column` name its cell. Figures of the same cell with
    different seeds are shown as mean ± deviation; `spread` is the ± of a
    figure that is a summary already. `x` is the row's place on the axis of a
    plot. `ratio` is the figure over that of `peer` in the same run. A figure
    that was not measured has `value=None` and says why in `note`.
    """
    if value is None and not note:
        raise ValueError(f"Say why there is no figure: {table}, {row}")
    optional = {
        "spread": spread,
        "seed": seed,
        "x": x,
        "curve": curve,
        "peer": peer,
        "ratio": ratio,
        "note": note,
    }
    made = {
        "table": table,
        "row": str(row),
        "column": str(column),
        "value": value,
        "unit": unit,
        "backend": backend or keras.config.backend(),
        **{key: item for key, item in optional.items() if item is not None},
    }
    return made | ({"settings": settings} if settings else {})


def keep(name: str, rows: list[dict]) -> Path:
    """Append rows to `<name>.jsonl` among the results.

    The variable `KERAS_TRICKS_RESULTS` names another folder for them.
    """
    folder = Path(os.environ.get("KERAS_TRICKS_RESULTS", RESULTS))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.jsonl"
    with path.open("a", encoding="utf-8") as file:
        for row in rows:
            kept = {"benchmark": name, **row, **_surroundings(row["backend"])}
            file.write(json.dumps(kept, ensure_ascii=False) + "\n")
    return path


def _surroundings(backend: str) -> dict:
    """Versions, hardware and date, kept with every figure."""
    return {
        "versions": {
            name: _version(name)
            for name in ("keras", "keras-hub", backend, "numpy")
        },
        "hardware": f"{os.cpu_count()} × {platform.machine()}",
        "python": platform.python_version(),
        "run": RUN,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def print_table(header: list[str], rows: list[list]) -> None:
    """Print aligned columns, the first to the left, figures to the right."""
    cells = [header, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for number, row in enumerate(cells):
        first, *rest = zip(row, widths, strict=True)
        line = [first[0].ljust(first[1]), *(c.rjust(w) for c, w in rest)]
        print("  ".join(line))
        if number == 0:
            print("  ".join("-" * width for width in widths))
