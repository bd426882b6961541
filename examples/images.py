"""Small images for the examples of GANs: digits, and folders of originals."""

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np


def load(data, limit):
    """Images in [−1, 1], `(number, side, side, channels)`, and their classes.

    Args:
        data: `digits`, of scikit-learn, `mnist:FOLDER` with the four original
            `…-ubyte.gz` files, or `cifar10_jpeg:FOLDER` with `train.tar.xz`,
            an archive of `train/CLASS/NAME.jpg`.
        limit: The first so many alone.
    """
    kind, _, folder = data.partition(":")
    loaders = {"digits": digits, "mnist": mnist, "cifar10_jpeg": cifar10}
    if kind not in loaders or (kind != "digits" and not folder):
        raise ValueError(
            "`data` must be digits, mnist:FOLDER or cifar10_jpeg:FOLDER. "
            f"Received: data={data}"
        )
    images, labels = loaders[kind](Path(folder), limit)
    return images[:limit].astype("float32"), labels[:limit].astype("int32")


def digits(folder, limit):
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return images.reshape(-1, 8, 8, 1) / 8 - 1, labels


def mnist(folder, limit):
    images = idx(folder / "train-images-idx3-ubyte.gz", 16)
    labels = idx(folder / "train-labels-idx1-ubyte.gz", 8)
    return images.reshape(-1, 28, 28, 1)[:limit] / 127.5 - 1, labels


def idx(path, header):
    """The bytes of an `idx` file behind its header."""
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), "uint8", offset=header)


def cifar10(folder, limit):
    from PIL import Image

    images, names = [], []
    with tarfile.open(folder / "train.tar.xz") as archive:
        for member in archive:
            if not member.isfile() or len(images) == limit:
                continue
            data = archive.extractfile(member).read()
            image = Image.open(io.BytesIO(data)).convert("RGB")
            images.append(np.asarray(image))
            names.append(Path(member.name).parts[-2])
    _, labels = np.unique(names, return_inverse=True)
    return np.stack(images) / 127.5 - 1, labels
