"""Curves as an SVG file, without a library to draw."""

from collections.abc import Mapping
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, MARGIN = 640, 320, 48
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b")


def svg(curves: Mapping[str, Sequence[float]], first: int = 1) -> str:
    """Maps names and their values, one an epoch from `first`, to a picture."""
    values = [v for curve in curves.values() for v in curve if is_finite(v)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    last = max(max(map(len, curves.values()), default=1) - 1, 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
        f'height="{HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(4, HEIGHT - MARGIN, f"{low:.3g}"),
        text(4, MARGIN, f"{high:.3g}"),
        text(MARGIN, HEIGHT - 12, f"epoch {first}"),
        text(WIDTH - 2 * MARGIN, HEIGHT - 12, f"epoch {first + last}"),
    ]
    for number, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(
            f"{x(epoch / last):.1f},{y((v - low) / ((high - low) or 1)):.1f}"
            for epoch, v in enumerate(curve)
            if is_finite(v)
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}"/>'
        )
        parts.append(text(MARGIN + 120 * number, 20, name, colour))
    return "\n".join([*parts, "</svg>", ""])


def is_finite(value: float) -> bool:
    """Whether it has a place on an axis."""
    return abs(value) < float("inf")


def x(share: float) -> float:
    """Where a share of the epochs stands."""
    return MARGIN + share * (WIDTH - 2 * MARGIN)


def y(share: float) -> float:
    """Where a share of the range stands."""
    return HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)


def text(left: float, top: float, words: str, colour: str = "black") -> str:
    """Words at a place."""
    return f'<text x="{left}" y="{top}" fill="{colour}">{escape(words)}</text>'
