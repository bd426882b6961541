"""The Fréchet distance in NumPy, for backends that call it from a step."""

import numpy as np


def frechet_distance(*moments: np.ndarray) -> np.float32:
    """From `(count, sums, products)`, high and low parts of each, twice.

    ```
    ‖m₁ − m₂‖² + tr (C₁ + C₂ − 2 (C₁ C₂)^½)
    ```
    """
    wide = [np.asarray(m, "float64") for m in moments]
    pairs = zip(wide[::2], wide[1::2], strict=True)
    n, s, S, k, r, R = (high + low for high, low in pairs)
    if min(n, k) < 2:
        return np.float32("nan")
    C, D = (covariance(*m) for m in ((n, s, S), (k, r, R)))
    values, vectors = np.linalg.eigh(C)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    common = np.linalg.eigvalsh(root @ D @ root)
    overlap = np.sum(np.sqrt(np.maximum(common, 0)))
    apart = np.sum((s / n - r / k) ** 2)
    return np.float32(apart + np.trace(C) + np.trace(D) - 2 * overlap)


def covariance(
    n: np.ndarray, sums: np.ndarray, products: np.ndarray
) -> np.ndarray:
    """The unbiased covariance of `n` samples with these sums."""
    return (products - np.outer(sums, sums) / n) / (n - 1)
