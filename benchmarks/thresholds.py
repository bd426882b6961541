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

from benchmarks._report import figure
from benchmarks._report import keep
from benchmarks._tables import show
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
        yield from threshold_rows(arguments, name, gaps, ours, theirs)


def threshold_rows(arguments, name, gaps, ours, theirs):
    settings = {"seeds": arguments.seeds, "samples": arguments.samples}
    gaps = np.array(gaps)
    missed, worse = 100 * np.mean(gaps > 1e-9), 100 * np.mean(gaps < -1e-9)
    for column, value, unit, more in (
        ("Powell misses", missed, "% of sets", {}),
        ("ours is worse", worse, "% of sets", {}),
        ("gained", np.mean(gaps), "points", {"spread": float(np.std(gaps))}),
        ("most gained", np.max(gaps), "points", {}),
        ("time", 1e3 * ours, "ms", {"peer": "Powell", "ratio": ours / theirs}),
    ):
        yield figure(
            "Accuracy of the exact threshold against Powell's search",
            f"{name} scores",
            column,
            float(value),
            unit,
            **more,
            **settings,
        )


def times(arguments):
    """A row for each number of scores."""
    for size in arguments.sizes:
        rng = np.random.default_rng(0)
        scores, labels = scored(rng, size, RANGES["narrow"])
        scores = scores.astype("float32")
        runs = [timed(fit_threshold, scores, labels)[1] for _ in range(3)]
        yield figure(
            "Time of `fit_threshold`",
            f"{size:,} scores",
            "time",
            statistics.median(runs),
            "s",
            x=size,
        )


def classified(rng, size, classes):
    labels = rng.integers(classes, size=size)
    scores = rng.normal(size=(size, classes)) + rng.normal(size=classes)
    scores[np.arange(size), labels] += 2
    p = np.exp(scores)
    return p / p.sum(1, keepdims=True), labels


def weights(arguments):
    """Rows for each number of classes and metric."""
    for classes in arguments.classes:
        for metric in ("accuracy", "f1"):
            found = compared(arguments, classes, metric)
            for column, (value, unit, spread) in found.items():
                yield figure(
                    "Class weights against argmax and Powell's search",
                    f"{classes} classes, {metric}",
                    column,
                    value,
                    unit,
                    spread=spread,
                    seeds=arguments.class_seeds,
                    samples=arguments.samples,
                )


def compared(arguments, classes, metric):
    """Means over the seeds, on the fitted half and on the other."""
    found = {}
    for seed in range(arguments.class_seeds):
        rng = np.random.default_rng(seed)
        p, labels = classified(rng, 2 * arguments.samples, classes)
        first, second = np.split(p, 2), np.split(labels, 2)
        plain = score(first[0].argmax(1), second[0], metric)
        found.setdefault(("argmax", "points"), []).append(100 * plain)
        for name, method in (("ours", "coordinate"), ("Powell", "powell")):
            fitted, seconds = timed(
                fit_class_weights, first[0], second[0], metric, method=method
            )
            other = score(fitted.predict(first[1]), second[1], metric)
            for key, value in {
                (name, "points"): 100 * fitted.score,
                (f"{name}, other half", "points"): 100 * other,
                (f"{name}, time", "ms"): 1e3 * seconds,
            }.items():
                found.setdefault(key, []).append(value)
    gaps = np.subtract(found["ours", "points"], found["Powell", "points"])
    rows = {
        column: (float(np.mean(values)), unit, None)
        for (column, unit), values in found.items()
    }
    rows["gained"] = (float(gaps.mean()), "points", float(gaps.std()))
    worse = 100 * float(np.mean(gaps < -1e-10))
    return rows | {"ours is worse": (worse, "% of sets", None)}


def score(chosen, labels, metric):
    """Accuracy, or the mean F1 of the classes."""
    if metric == "accuracy":
        return np.mean(chosen == labels)
    classes = np.unique(labels)
    hits = [np.sum((chosen == c) & (labels == c)) for c in classes]
    sizes = [np.sum(chosen == c) + np.sum(labels == c) for c in classes]
    return np.mean(2 * np.array(hits) / np.array(sizes))


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
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seeds, arguments.class_seeds = 10, 3
        arguments.sizes, arguments.classes = [10**4, 10**5, 10**6], [3, 10]
    parts = (thresholds, times, weights)
    rows = [row for part in parts for row in part(arguments)]
    show(rows)
    print(f"\nkept in {keep('thresholds', rows)}")


if __name__ == "__main__":
    main()
