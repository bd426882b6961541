"""What the pictures of the documentation have in common.

`make pictures` draws them all, on PyTorch, the quickest for steps this small.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

IMAGES = Path(__file__).parent.parent / "images"
EXAMPLES = Path(__file__).parent.parent.parent / "examples"

pyplot.rcParams.update(
    {
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.dpi": 130,
        "font.size": 10,
        "legend.frameon": False,
        "savefig.facecolor": "white",
    }
)


def save(figure, name):
    """Write a picture to the folder that the pages show it from."""
    IMAGES.mkdir(exist_ok=True)
    path = IMAGES / f"{name}.png"
    figure.savefig(path, bbox_inches="tight", pil_kwargs={"optimize": True})
    pyplot.close(figure)
    print(path)
