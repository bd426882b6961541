"""Curves of the tables whose rows lie on an axis."""

from pathlib import Path

from benchmarks._tables import cells

LEAST = 3  # Points that make a curve worth drawing.
WIDE = 50  # The ratio of the ends of an axis from which it is logarithmic.


def plot(rows: list[dict], path: Path) -> Path | None:
    """Draw the points of a table, if it has enough of them."""
    points = {
        key: cell
        for key, cell in cells(rows).items()
        if cell.x is not None and cell.mean is not None
    }
    many = len({backend for backend, _, _ in points}) > 1
    curves: dict[str, list[tuple[float, float]]] = {}
    for (backend, _, _), cell in points.items():
        name = f"{backend}: {cell.curve}" if many else cell.curve
        curves.setdefault(name, []).append((cell.x, cell.mean))
    if max((len(curve) for curve in curves.values()), default=0) < LEAST:
        return None
    units = {cell.unit for cell in points.values()}
    draw(curves, ", ".join(filter(None, sorted(units))), path)
    return path


def draw(curves: dict, label: str, path: Path) -> None:
    """One line for each curve."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "keras_tricks"
    from matplotlib import pyplot

    shown, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for name, curve in curves.items():
        axes.plot(*zip(*sorted(curve), strict=True), marker="o", label=name)
    x, y = (
        [point[i] for curve in curves.values() for point in curve]
        for i in range(2)
    )
    axes.set(xscale=scale(x), yscale=scale(y), ylabel=label)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    shown.savefig(path, metadata={"Date": None})
    pyplot.close(shown)


def scale(values: list[float]) -> str:
    """Logarithmic for positive values far apart, else linear."""
    least, most = min(values), max(values)
    return "log" if 0 < least * WIDE < most else "linear"
