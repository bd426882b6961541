"""A table of methods, and pictures of their scores against the grades."""

import numpy as np


def print_row(row):
    """Print a line of the table; None prints its head."""
    if row is None:
        print(
            f"\n{'':20}{'Spearman':>16}{'accuracy at':>14}{'read per':>18}"
            f"{'trained':>9}\n"
            f"{'':20}{'dev':>8}{'test':>8}{'threshold':>14}{'second':>18}"
            f"{'in':>9}"
        )
        return
    rate = f"{row['rate']:.0f} {row['reads']}"
    seconds = f"{row['seconds']:.0f} s" if "seconds" in row else ""
    print(
        f"{row['name']:20}{100 * row['dev']:8.1f}{100 * row['test']:8.1f}"
        f"{100 * row['accuracy']:14.1f}{rate:>18}{seconds:>9}",
        flush=True,
    )


def draw_pairs(rows, folder):
    """Draw the score of each test pair against its grade, by method."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    chance = np.random.default_rng(0)
    figure, axes = pyplot.subplots(
        1, len(rows), figsize=(3.4 * len(rows), 3.6), layout="compressed"
    )
    for axis, row in zip(axes, rows, strict=True):
        grades = row["grades"]
        # Whole grades would hide how many pairs have each.
        spread = 0.012 * np.ptp(grades)
        if np.all(grades == np.round(grades)):
            spread *= 10
        x = grades + chance.uniform(-spread, spread, len(grades))
        axis.scatter(x, row["scores"], s=5, alpha=0.35, linewidths=0)
        axis.axhline(row["threshold"].threshold, color="tab:red", lw=1)
        axis.set_title(f"{row['name']}\nSpearman {100 * row['test']:.1f}")
        axis.set_xlabel("grade")
    axes[0].set_ylabel("score (red: threshold)")
    path = folder / "similarity.png"
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path
