"""The best weight of one class while the others stay, exactly."""

import numpy as np


def score_classes(
    chosen: np.ndarray, y: np.ndarray, classes: int, metric: str
) -> float:
    """Accuracy, or the mean F1 of the classes that occur in `y`."""
    if metric == "accuracy":
        return float(np.mean(chosen == y))
    predicted = np.bincount(chosen, minlength=classes)
    labelled = np.bincount(y, minlength=classes)
    hits = np.bincount(y[chosen == y], minlength=classes)
    f1 = 2 * hits / np.maximum(predicted + labelled, 1)
    return float(np.sum(f1) / np.count_nonzero(labelled))


def best_weight(
    p: np.ndarray, y: np.ndarray, t: np.ndarray, c: int, metric: str
) -> float:
    """The weight of class `c` with the best metric.

    Rows are sorted by the weight beyond which they become class `c`; at cut
    `k` the first `k` rows are of class `c`, the others of their best rival.
    """
    product = p * t
    product[:, c] = -1.0
    rival = np.argmax(product, axis=1)
    most, own = product.max(axis=1), p[:, c]
    with np.errstate(over="ignore"):
        x = np.divide(most, own, out=np.full(len(p), np.inf), where=own > 0)
    order = np.argsort(x)
    x, rival, y = x[order], rival[order], y[order]
    sweep = sweep_accuracy if metric == "accuracy" else sweep_f1
    value = sweep(rival, y, c, p.shape[1])
    low, high = np.append(0.0, x), np.append(x, np.inf)
    is_cut = high > low
    # Past the ends, and from 0, an interval is as wide as a factor of 4.
    low = np.where(low > 0, low, high / 4)
    high = np.where(high < np.inf, high, 4 * low)
    is_cut &= (low > 0) & (high < np.inf)
    if not is_cut.any():
        return float(t[c])
    # Sums of quotients, each as exact as the other.
    good = is_cut & (value >= value[is_cut].max() - 1e-12)
    ratio = np.divide(high, low, out=np.zeros_like(low), where=good)
    k = np.argmax(ratio)
    return float(np.sqrt(low[k]) * np.sqrt(high[k]))


def sweep_accuracy(
    rival: np.ndarray, y: np.ndarray, c: int, classes: int
) -> np.ndarray:
    """Accuracy at each of the n + 1 cuts."""
    gained, lost = y == c, y == rival
    change = gained.astype("int64") - lost
    return (lost.sum() + np.append(0, np.cumsum(change))) / len(y)


def sweep_f1(
    rival: np.ndarray, y: np.ndarray, c: int, classes: int
) -> np.ndarray:
    """Mean F1 of the classes that occur in `y`, at each of the n + 1 cuts."""
    labelled = np.bincount(y, minlength=classes)
    k = np.arange(len(y) + 1)
    hits = np.append(0, np.cumsum(y == c))
    total = 2 * hits / np.maximum(k + labelled[c], 1)
    for j in np.flatnonzero(np.bincount(rival, minlength=classes)):
        # Class j loses these rows, one after the other.
        rows = np.flatnonzero(rival == j)
        left = np.arange(len(rows), -1, -1)
        hit = np.append(0, np.cumsum(y[rows] == j))
        f1 = 2 * (hit[-1] - hit) / np.maximum(left + labelled[j], 1)
        step = np.zeros(len(y) + 1)
        step[0] = f1[0]
        step[rows + 1] = np.diff(f1)
        total += np.cumsum(step)
    return total / np.count_nonzero(labelled)
