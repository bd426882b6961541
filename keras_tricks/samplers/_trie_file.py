"""Tries in files: plain arrays, a checksum of their bytes, no pickle."""

import hashlib
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

NAMES = ("tokens", "first_child", "values", "value_starts")
VERSION = 1


def checksum(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """SHA-256 of the version and of every array, its dtype and its shape."""
    digest = hashlib.sha256(f"keras_tricks trie {VERSION}".encode())
    for name in NAMES:
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return np.frombuffer(digest.digest(), np.uint8)


def save(trie: Any, path: str | Path) -> None:
    """Write the arrays of a trie."""
    arrays = {name: getattr(trie, name) for name in NAMES}
    with Path(path).open("wb") as file:
        np.savez(file, checksum=checksum(arrays), **arrays)


def load(path: str | Path) -> tuple[np.ndarray, ...]:
    """The arrays of a trie, or a `ValueError` that says why not."""
    try:
        # NumPy leaves a file open that it opened itself and could not read.
        with Path(path).open("rb") as raw:
            file = np.load(raw, allow_pickle=False)
            arrays = {name: file[name] for name in NAMES}
            stated = file["checksum"]
    except FileNotFoundError:
        raise
    except (
        AttributeError,
        EOFError,
        IndexError,
        KeyError,
        NotImplementedError,
        OSError,
        TypeError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise _refusal(path, str(error)) from error
    if not np.array_equal(stated, checksum(arrays)):
        raise _refusal(path, "its checksum does not fit")
    if not is_tree(**arrays):
        raise _refusal(path, "its arrays are no tree")
    return tuple(arrays[name] for name in NAMES)


def _refusal(path: str | Path, reason: str) -> ValueError:
    return ValueError(
        f"`path` must be a whole, unaltered file written by `Trie.save` "
        f"({reason}). Received: path={str(path)!r}"
    )


def is_tree(
    tokens: np.ndarray,
    first_child: np.ndarray,
    values: np.ndarray,
    value_starts: np.ndarray,
) -> bool:
    """Whether every number that will be an index is a legal one."""
    integers = tokens, first_child, value_starts
    if any(a.ndim != 1 or a.dtype != np.int32 or not a.size for a in integers):
        return False
    if values.ndim != 1 or first_child.size != tokens.size + 1:
        return False
    num_entries = np.count_nonzero(tokens == -1)
    first_of_siblings = np.zeros(tokens.size + 1, bool)
    first_of_siblings[np.clip(first_child, 0, tokens.size)] = True
    return bool(
        (first_of_siblings[2:-1] | (np.diff(tokens[1:]) > 0)).all()
        and first_child[0] == 1
        and first_child[-1] == tokens.size
        and (np.diff(first_child) >= 0).all()
        and (first_child[:-2] > np.arange(tokens.size - 1)).all()
        and value_starts.size == num_entries + 1
        and value_starts[0] == 0
        and value_starts[-1] == values.size
        and (np.diff(value_starts) > 0).all()
    )
