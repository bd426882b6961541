"""Draw the accuracy at every threshold, and where two searches end."""

import numpy as np
from scipy.optimize import minimize

from _style import pyplot
from _style import save
from keras_tricks.thresholds import fit_threshold


def main():
    rng = np.random.default_rng(0)
    labels = rng.random(400) < 0.5
    scores = np.where(
        labels, rng.normal(0.05, 0.01, 400), rng.normal(0.02, 0.01, 400)
    )

    def accuracy(threshold):
        return np.mean((scores > threshold) == labels)

    exact = fit_threshold(scores, labels)
    # As published: Powell's method on t, the threshold being tanh(t).
    found = minimize(lambda t: -accuracy(np.tanh(t[0])), 1, method="Powell")
    published = float(np.tanh(np.ravel(found.x)[0]))

    grid = np.linspace(-0.02, 0.8, 3000)
    figure, axis = pyplot.subplots(figsize=(7.5, 3.6))
    axis.plot(grid, [accuracy(t) for t in grid], color="0.45", lw=1)
    for name, threshold, colour in (
        ("fit_threshold", exact.threshold, "C0"),
        ("Powell's method from tanh(1)", published, "C3"),
    ):
        value = accuracy(threshold)
        label = f"{name}: {100 * value:.1f} %"
        axis.plot(threshold, value, "o", color=colour, ms=9, label=label)
        print(name, threshold, value)
    axis.set_xlabel("threshold")
    axis.set_ylabel("accuracy")
    axis.legend(loc="upper right")
    save(figure, "thresholds")


if __name__ == "__main__":
    main()
