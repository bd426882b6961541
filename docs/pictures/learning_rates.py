"""Draw the accuracy that each learning rate leads to, by the example."""

import sys

import numpy as np

from _style import EXAMPLES
from _style import pyplot
from _style import save

sys.path.insert(0, str(EXAMPLES))
import step_size


def main():
    rates = [10.0**e for e in range(-6, 2)]
    curves = step_size.sweep(rates, epochs=20)
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), sharey=True)
    for axis, name in zip(axes, step_size.INNER, strict=True):
        axis.semilogx(rates, curves[name], "o--", color="0.5", label=name)
        wrapped = f"MetaStepSize({name})"
        axis.semilogx(rates, curves[wrapped], "o-", color="C0", label=wrapped)
        axis.set_xlabel("learning rate at the start")
        axis.set_xticks(rates[::2])
        axis.set_ylim(0, 1.02)
        axis.set_yticks(np.linspace(0, 1, 6))
        axis.grid(alpha=0.3)
        axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    axes[0].set_ylabel("accuracy on held-out digits")
    figure.tight_layout()
    save(figure, "learning_rates")


if __name__ == "__main__":
    main()
