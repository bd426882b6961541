"""SampleGrid: what a generator makes, as a picture every few epochs."""

import numbers
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_tricks._checks import check_instance
from keras_tricks._checks import check_list
from keras_tricks._checks import check_not_negative_int
from keras_tricks._checks import check_positive_int
from keras_tricks.callbacks._curves import svg


@keras.saving.register_keras_serializable(package="keras_tricks")
class SampleGrid(keras.callbacks.Callback):
    """Maps a `GAN` in training to pictures of its samples and its losses.

    The same noise each time, so that the pictures of a run can be leafed
    through: `<folder>/epoch_0001.png` and so on, and one of the last epoch.
    What `fit` logs, the two losses and metrics, is drawn over the epochs in
    `<folder>/curves.svg`, each time anew.

    Samples are clipped to `value_range`, NaN is black; images of one and of
    three channels become grey and coloured pictures, of as many rows as
    columns. It needs no library to draw.

    A loss that falls does not say that samples got better. A picture does, for
    an eye; `keras_tricks.metrics.FrechetDistance` does as a number.

    Args:
        folder: Where to write; made if it is not there.
        every: Epochs between pictures, at least 1. Defaults to `1`.
        size: Rows and columns of the grid. Defaults to `8`.
        labels: What a conditional GAN's samples are conditioned on,
            `size · size` of them. Defaults to `None`.
        value_range: Which values are black and white. Defaults to
            `(-1.0, 1.0)`.
        seed: Seed of the noise. Defaults to `0`.

    Returns:
        A callback for `fit`.

    Raises:
        ValueError: If an argument is out of range, or samples are no images.

    Example:

    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from keras_tricks.callbacks import SampleGrid
    >>> folder = Path(tempfile.mkdtemp())
    >>> grid = SampleGrid(folder, size=2)
    >>> grid.write("grey.png", np.zeros((4, 8, 8, 1)))
    >>> [path.name for path in folder.iterdir()]
    ['grey.png']
    """

    def __init__(
        self,
        folder: Any,
        every: int = 1,
        size: int = 8,
        labels: Any = None,
        value_range: tuple[float, float] = (-1.0, 1.0),
        seed: int = 0,
    ):
        super().__init__()
        self.folder = Path(
            check_instance("folder", folder, (str, os.PathLike), "a path")
        )
        self.every = check_positive_int("every", every)
        self.size = check_positive_int("size", size)
        self.labels = labels
        expected = "a lower and a higher number"
        pair = check_list("value_range", value_range, numbers.Real, expected)
        low, high = pair if len(pair) == 2 else (0.0, 0.0)
        if not low < high:
            raise ValueError(
                "`value_range` must be a lower and a higher number. "
                f"Received: value_range={value_range}"
            )
        self.value_range = (float(low), float(high))
        self.seed = check_not_negative_int("seed", seed)

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.first: int | None = None
        self.epoch = 0
        self.curves: dict[str, list] = {}

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch + 1
        self.first = self.first or self.epoch
        for key, value in (logs or {}).items():
            self.curves.setdefault(key, []).append(float(value))
        if self.epoch % self.every == 0:
            self.draw()

    def on_train_end(self, logs: dict | None = None) -> None:
        if self.epoch % self.every:
            self.draw()

    def draw(self) -> None:
        """Write the picture of this epoch."""
        samples = self.model.generate(
            self.size**2, labels=self.labels, seed=self.seed
        )
        self.write(f"epoch_{self.epoch:04d}.png", samples)
        curves = svg(self.curves, self.first or 1)
        (self.folder / "curves.svg").write_text(curves, "utf-8")

    def write(self, name: str, samples: Any) -> None:
        """Write samples `(size · size, height, width, 1 or 3)` as a grid."""
        samples = np.asarray(samples, "float32")
        count = self.size**2
        if samples.ndim != 4 or samples.shape[-1] not in (1, 3):
            raise ValueError(
                "Samples must be images `(batch, height, width, 1 or 3)`. "
                f"Received: samples of shape {samples.shape}"
            )
        if len(samples) != count:
            raise ValueError(
                f"Samples must be {count}, size · size. "
                f"Received: samples of shape {samples.shape}"
            )
        low, high = self.value_range
        shares = np.nan_to_num((samples - low) / (high - low), nan=0.0)
        levels = np.clip(shares, 0, 1) * 255
        _, height, width, channels = samples.shape
        rows = (
            np.round(levels)
            .astype("uint8")
            .reshape(self.size, self.size, height, width, channels)
        )
        image = rows.transpose(0, 2, 1, 3, 4).reshape(
            self.size * height, self.size * width, channels
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(png(image))

    def get_config(self) -> dict:
        return {
            "folder": str(self.folder),
            "every": self.every,
            "size": self.size,
            "labels": self.labels,
            "value_range": list(self.value_range),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict) -> Any:
        return cls(**config)


def png(image: np.ndarray) -> bytes:
    """An image `(height, width, 1 or 3)` of bytes as a PNG file."""
    height, width, channels = image.shape
    colour = {1: 0, 3: 2}[channels]
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    # Each line starts with the number of its filter: none.
    lines = np.pad(image.reshape(height, -1), ((0, 0), (1, 0)))
    parts = [
        chunk(b"IHDR", header),
        chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
        chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG file, with its length before and a checksum after."""
    body = kind + data
    return (
        struct.pack(">I", len(data))
        + body
        + struct.pack(">I", zlib.crc32(body))
    )
