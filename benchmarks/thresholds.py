"""Thresholds found exactly, against the published search by Powell's method.

- `threshold`: 0/1 labels and scores of three ranges, normal in each class, the
  share of positives drawn for each set. Published: maximise the accuracy of
  `s > tanh(u)` from `u = 1`. Points are hundredths of accuracy.
- `time`: `fit_threshold` alone, at growing numbers of float32 scores.
- `weights`: several classes, softmax of normal scores with a bias for each
  class; fitted on one half of a set, reported there and on the other half.

    python -m benchmarks.thresholds [--seeds 100] [--samples 2000]

Needs scipy. All of it is NumPy on the CPU, whatever the backend.
"""

import argparse
import statistics
import time

import numpy as np
from scipy import optimize

from benchmarks._report import keep
from benchmarks._report import print_table
from keras_tricks.thresholds import fit_class_weights
from keras_tricks.thresholds import fit_threshold

# Mean and deviation of the scores of positives, then of negatives.
RANGES = {
    "wide": ((0.7, 0.2), (0.3, 0.2)),
    "narrow": ((0.95, 0.02), (0.91, 0.03)),
    "low": ((0.05, 0.01), (0.02, 0.01)),
}


def timed(function, *arguments, **options):
    started = time.perf_counter()
    result = function(*arguments, **options)
    return result, time.perf_counter() - started


def scored(rng, size, spread):
    share = rng.uniform(0.05, 0.95)
    labels = rng.random(size) < share
    mean, deviation = np.where(labels[:, None], *spread).T
    return rng.normal(mean, deviation), labels


def published_threshold(scores, labels):
    def loss(u):
        return -np.mean((scores > np.tanh(u)) == labels)

    found = optimize.minimize(loss, 1.0, method="Powell")
    return -loss(found.x)


def thresholds(arguments):
    """A row for each range of scores."""
    for name, spread in RANGES.items():
        gaps, seconds = [], []
        for seed in range(arguments.seeds):
            rng = np.random.default_rng(seed)
            samples = scored(rng, arguments.samples, spread)
            exact, ours = timed(fit_threshold, *samples)
            published, theirs = timed(published_threshold, *samples)
            gaps.append(100 * (exact.score - published))
            seconds.append((ours, theirs))
        ours, theirs = map(statistics.median, zip(*seconds, strict=True))
        yield {
            "part": "threshold",
            "range": name,
            "seeds": arguments.seeds,
            "samples": arguments.samples,
            "missed": float(np.mean(np.array(gaps) > 1e-9)),
            "worse": float(np.mean(np.array(gaps) < -1e-9)),
            "points": float(np.mean(gaps)),
            "deviation": float(np.std(gaps)),
            "most": float(np.max(gaps)),
            "seconds": ours,
            "published_seconds": theirs,
        }


def times(arguments):
    """A row for each number of scores."""
    for size in arguments.sizes:
        rng = np.random.default_rng(0)
        scores, labels = scored(rng, size, RANGES["narrow"])
        scores = scores.astype("float32")
        runs = [timed(fit_threshold, scores, labels)[1] for _ in range(3)]
        yield {
            "part": "time",
            "samples": size,
            "seconds": statistics.median(runs),
        }


def classified(rng, size, classes):
    labels = rng.integers(classes, size=size)
    scores = rng.normal(size=(size, classes)) + rng.normal(size=classes)
    scores[np.arange(size), labels] += 2
    p = np.exp(scores)
    return p / p.sum(1, keepdims=True), labels


def weights(arguments):
    """A row for each number of classes and metric."""
    for classes in arguments.classes:
        for metric in ("accuracy", "f1"):
            yield {
                "part": "weights",
                "classes": classes,
                "metric": metric,
                "seeds": arguments.class_seeds,
                "samples": arguments.samples,
                **compared(arguments, classes, metric),
            }


def compared(arguments, classes, metric):
    """Means over the seeds, on the fitted half and on the other."""
    found = {}
    for seed in range(arguments.class_seeds):
        rng = np.random.default_rng(seed)
        p, labels = classified(rng, 2 * arguments.samples, classes)
        first, second = np.split(p, 2), np.split(labels, 2)
        for method in ("coordinate", "powell"):
            fitted, seconds = timed(
                fit_class_weights, first[0], second[0], metric, method=method
            )
            chosen = fitted.predict(first[1])
            for key, value in {
                method: fitted.score,
                f"{method}_other_half": score(chosen, second[1], metric),
                f"{method}_seconds": seconds,
            }.items():
                found.setdefault(key, []).append(value)
        chosen = first[0].argmax(1)
        plain = score(chosen, second[0], metric)
        found.setdefault("argmax", []).append(plain)
    gaps = np.subtract(found["coordinate"], found["powell"])
    row = {key: float(np.mean(values)) for key, values in found.items()}
    row["points"] = float(100 * gaps.mean())
    row["deviation"] = float(100 * gaps.std())
    row["worse"] = float(np.mean(gaps < -1e-12))
    return row


def score(chosen, labels, metric):
    """Accuracy, or the mean F1 of the classes."""
    if metric == "accuracy":
        return np.mean(chosen == labels)
    classes = np.unique(labels)
    hits = [np.sum((chosen == c) & (labels == c)) for c in classes]
    sizes = [np.sum(chosen == c) + np.sum(labels == c) for c in classes]
    return np.mean(2 * np.array(hits) / np.array(sizes))


def show(rows):
    """Print a table for each part."""
    header = "scores,missed,worse,points,±,most,ms,Powell ms".split(",")
    table = [
        [
            row["range"],
            f"{row['missed']:.0%}",
            f"{row['worse']:.0%}",
            *(f"{row[key]:.2f}" for key in ("points", "deviation", "most")),
            f"{1e3 * row['seconds']:.2f}",
            f"{1e3 * row['published_seconds']:.2f}",
        ]
        for row in rows
        if row["part"] == "threshold"
    ]
    print_table(header, table)
    print()
    table = [
        [f"{row['samples']:,}", f"{row['seconds']:.4f}"]
        for row in rows
        if row["part"] == "time"
    ]
    print_table(["scores", "seconds"], table)
    print()
    keys = ["argmax", "powell", "coordinate"]
    keys += ["powell_other_half", "coordinate_other_half"]
    header = "classes,argmax,Powell,ours,Powell other,ours other".split(",")
    header += ["points", "±", "worse", "Powell ms", "ms"]
    table = [
        [
            f"{row['classes']} {row['metric']}",
            *(f"{row[key]:.4f}" for key in keys),
            f"{row['points']:.2f}",
            f"{row['deviation']:.2f}",
            f"{row['worse']:.0%}",
            f"{1e3 * row['powell_seconds']:.1f}",
            f"{1e3 * row['coordinate_seconds']:.1f}",
        ]
        for row in rows
        if row["part"] == "weights"
    ]
    print_table(header, table)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--class-seeds", type=int, default=20)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[10**k for k in range(4, 8)]
    )
    parser.add_argument(
        "--classes", type=int, nargs="+", default=[3, 5, 10, 20]
    )
    arguments = parser.parse_args()
    parts = (thresholds, times, weights)
    rows = [row for part in parts for row in part(arguments)]
    show(rows)
    print(f"\nkept in {keep('thresholds', rows)}")


if __name__ == "__main__":
    main()
