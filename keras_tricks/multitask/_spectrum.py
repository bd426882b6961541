"""Eigenvalues of Gram matrices, those of rounding told from the others."""

from typing import Any

from keras import ops

Tensor = Any

FLOAT32_EPSILON = 1.1920929e-07


def spectrum(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Eigenvalues, eigenvectors as columns, and which values are not zero.

    A value counts as zero at `T ε` times the largest and below, `ε` that of
    float32: what rounding makes of an exact zero.
    """
    values, vectors = ops.eigh(matrix)
    cut = ops.max(values) * matrix.shape[0] * FLOAT32_EPSILON
    return values, vectors, values > cut
