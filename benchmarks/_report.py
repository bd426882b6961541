"""What every benchmark prints: a table to read, JSON lines to keep."""

import json
import os
import platform
from datetime import UTC
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import keras

RESULTS = Path(__file__).parent / "results"


def surroundings(backend: str) -> dict:
    """Backend, versions and hardware, kept with every figure."""
    names = ("keras", "keras-hub", backend, "numpy")
    return {
        "backend": backend,
        "versions": {name: version(name) for name in names},
        "hardware": f"{os.cpu_count()} × {platform.machine()}",
        "python": platform.python_version(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
    }


def keep(name: str, rows: list[dict]) -> Path:
    """Append rows to `benchmarks/results/<name>.jsonl`.

    A row that does not say its `backend` is of the one that runs.
    """
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.jsonl"
    with path.open("a", encoding="utf-8") as file:
        for row in rows:
            around = surroundings(row.get("backend", keras.config.backend()))
            row = {"benchmark": name, **around, **row}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


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
