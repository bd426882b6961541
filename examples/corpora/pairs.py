"""Pairs of sentences with grades: from the standard library, or from files."""

import pathlib
from collections.abc import Iterable

from .library_pairs import library_pairs
from .ner_files import open_text
from .pair_corpus import Pair
from .pair_corpus import PairCorpus

Path = pathlib.Path


def load_pairs(spec: str) -> PairCorpus:
    """The corpus that a command line names.

    - `standard_library`: see `library_pairs`.
    - `stsb_en:FOLDER`: the STS benchmark, `sts-train.csv`, `sts-dev.csv` and
      `sts-test.csv`.
    - `stsb_zh:FOLDER`: its Chinese translation, `STS-B.train.data`,
      `STS-B.valid.data` and `STS-B.test.data`.
    - `tsv:FILE`: your own lines of first text, second text and grade, with
      tabs between them; the last lines are held out.

    Each file may be compressed, with `.gz` after its name.

    Raises:
        ValueError: If the name is unknown, a path is missing or too much, or a
            line is malformed.
        FileNotFoundError: If a file is not there.
    """
    name, _, path = spec.partition(":")
    if name == "standard_library" and not path:
        return library_pairs()
    if name not in READERS or not path:
        known = ", ".join(f"{each}:PATH" for each in READERS)
        raise ValueError(
            f"A corpus of pairs is standard_library or one of {known}. "
            f"Received: {spec!r}"
        )
    return READERS[name](Path(path).expanduser())


def stsb_en(folder: Path) -> PairCorpus:
    """English, grades from 0 to 5; lines may end in columns of a licence."""
    parts = []
    for part in ("train", "dev", "test"):
        with open_text(folder, f"sts-{part}.csv") as lines:
            parts.append(read_columns(lines, (5, 6, 4)))
    return PairCorpus("stsb_en", *parts, [])


def stsb_zh(folder: Path) -> PairCorpus:
    """Chinese, whole grades from 0 to 5."""
    parts = []
    for part in ("train", "valid", "test"):
        with open_text(folder, f"STS-B.{part}.data") as lines:
            parts.append(read_columns(lines, (0, 1, 2)))
    return PairCorpus("stsb_zh", *parts, [])


def tsv(path: Path, held_share: float = 0.15) -> PairCorpus:
    """Your own pairs; the last lines are `dev` and, the very last, `test`."""
    with open_text(path.parent, path.name) as lines:
        pairs = read_columns(lines, (0, 1, 2))
    held = max(1, round(len(pairs) * held_share))
    split = len(pairs) - 2 * held
    if split < 1:
        raise ValueError(
            f"{path} must have three lines or more, for there to be a part to "
            f"train on and two to hold out. Received: {len(pairs)} lines"
        )
    return PairCorpus(
        "tsv", pairs[:split], pairs[split : split + held], pairs[-held:], []
    )


READERS = {"stsb_en": stsb_en, "stsb_zh": stsb_zh, "tsv": tsv}


def read_columns(
    lines: Iterable[str], columns: tuple[int, int, int]
) -> list[Pair]:
    r"""First text, second text and grade in the columns of these numbers.

    Example:
        >>> read_columns(["a cat\ta dog\t2.5\n"], (0, 1, 2))
        [('a cat', 'a dog', 2.5)]
    """
    pairs = []
    for number, line in enumerate(lines, start=1):
        row = line.rstrip("\r\n").split("\t")
        try:
            first, second, grade = (row[column] for column in columns)
            pairs.append((first.strip(), second.strip(), float(grade)))
        except (IndexError, ValueError):
            raise ValueError(
                f"A line must have two texts and a number in columns {columns} "
                f"with tabs between them. Received: line {number}, {line!r}"
            ) from None
    return pairs
