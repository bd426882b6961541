"""The published search for class weights, kept for comparison."""

import importlib

import numpy as np

from keras_tricks.thresholds._line_search import score_classes


def powell(p: np.ndarray, y: np.ndarray, metric: str) -> np.ndarray:
    """Weights `(tanh(u) + 1) / 2` by Powell's method, from `u = 0`."""
    try:
        optimize = importlib.import_module("scipy.optimize")
    except ImportError as error:
        raise ImportError(
            'method="powell" needs scipy. Install it with `pip install scipy`, '
            'or use method="coordinate".'
        ) from error
    classes = p.shape[1]

    def loss(u: np.ndarray) -> float:
        chosen = np.argmax(p * weights(u), axis=1)
        return -score_classes(chosen, y, classes, metric)

    options = {"xtol": 1e-10, "ftol": 1e-10, "maxiter": 100_000}
    found = optimize.minimize(
        loss, np.zeros(classes), method="Powell", options=options
    )
    return weights(found.x)


def weights(u: np.ndarray) -> np.ndarray:
    # Powell walks along plateaus without end: tanh(u) reaches −1.
    return np.maximum((np.tanh(u) + 1) / 2, np.finfo("float64").tiny)
