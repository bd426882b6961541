"""Reads named-entity corpora from the files that their authors published."""

import contextlib
import gzip
import io
import json
import pathlib
import zipfile
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from typing import IO
from typing import Any

from .corpus import Corpus
from .corpus import Example
from .corpus import Span
from .corpus import sorted_spans
from .standard_library import standard_library
from .tags import token_example

Path = pathlib.Path


def load_corpus(spec: str) -> Corpus:
    """The corpus that a command line names as `NAME:PATH`.

    - `cluener:PATH`: a folder with `train.json` and `dev.json`.
    - `wnut17:PATH`: a folder with `wnut17train.conll`,
      `emerging.dev.conll` and `emerging.test.annotated`.
    - `germeval2014:PATH`: `GermEval2014.zip`, its folder, or a folder with
      `germ.train.iob2`, `germ.dev.iob2` and `germ.test.iob2`.
    - `standard_library`, without a path: see `standard_library`.

    Each file but the zip may be compressed, with `.gz` after its name. The
    development part is `valid`. Labels are all those that occur.

    Raises:
        ValueError: If the name is unknown, a path is missing or too much,
            or a file is malformed.
        FileNotFoundError: If a file is not there.
    """
    name, _, path = spec.partition(":")
    if name == "standard_library" and not path:
        return standard_library()
    if name not in READERS or not path:
        known = ", ".join(f"{each}:PATH" for each in READERS)
        raise ValueError(
            f"A corpus is standard_library or one of {known}. "
            f"Received: {spec!r}"
        )
    return READERS[name](Path(path).expanduser())


def cluener(folder: Path) -> Corpus:
    """Chinese news, 10 types, flat. Has no labelled test part.

    A line of the files is `{"text": ..., "label": {type: {mention:
    [[first, last], ...]}}}`, with the last character inside the mention.
    """
    parts = []
    for name in ("train.json", "dev.json"):
        with open_text(folder, name) as lines:
            rows = (json.loads(line) for line in lines if line.strip())
            parts.append([_cluener_example(row) for row in rows])
    return _corpus("cluener", *parts)


def wnut17(folder: Path) -> Corpus:
    """English posts, 6 types of new and rare names, flat."""
    files = (
        "wnut17train.conll",
        "emerging.dev.conll",
        "emerging.test.annotated",
    )
    parts = []
    for name in files:
        with open_text(folder, name) as lines:
            parts.append(list(column_examples(lines, 2)))
    return _corpus("wnut17", *parts)


def germeval2014(path: Path) -> Corpus:
    """German, 12 types; the last column holds names inside names."""
    parts = []
    for part in ("train", "dev", "test"):
        with _open_germeval(path, f"germ.{part}.iob2") as lines:
            parts.append(list(column_examples(lines, 3)))
    return _corpus("germeval2014", *parts)


READERS: dict[str, Callable[[Path], Corpus]] = {
    "cluener": cluener,
    "wnut17": wnut17,
    "germeval2014": germeval2014,
}


def open_text(folder: Path, name: str) -> IO[str]:
    """Opens a file of text that is there as it is or compressed.

    Raises:
        FileNotFoundError: If neither is, with the folder and both names.
    """
    plain, packed = folder / name, folder / f"{name}.gz"
    if plain.is_file():
        return plain.open(encoding="utf-8-sig")
    if packed.is_file():
        return gzip.open(packed, "rt", encoding="utf-8-sig")
    raise _missing(folder, [plain.name, packed.name])


def column_examples(
    lines: Iterable[str], num_columns: int
) -> Iterator[Example]:
    """One example for each run of lines `token, tag, ...`, tab separated.

    A line that starts with `#` and has another number of columns is a
    comment; `#` with its tags is a token. There is no empty example.

    Raises:
        ValueError: If a line has another number of columns or a bad tag.
    """
    rows: list[list[str]] = []
    for number, line in enumerate(lines, start=1):
        row = line.rstrip("\r\n").split("\t")
        if len(row) == num_columns and row[0]:
            rows.append(row)
        elif not line.strip() and rows:
            yield token_example(rows)
            rows = []
        elif line.strip() and not line.startswith("#"):
            raise ValueError(
                f"A line must have {num_columns} columns with tabs between "
                f"them. Received: line {number}, {line!r}"
            )
    if rows:
        yield token_example(rows)


def _cluener_example(row: dict[str, Any]) -> Example:
    spans: list[Span] = []
    for label, mentions in row["label"].items():
        for mention, places in mentions.items():
            for first, last in places:
                found = row["text"][first : last + 1]
                if found != mention:
                    raise ValueError(
                        f"The text at {first}, {last} must be {mention!r}. "
                        f"Received: {found!r} in {row['text']!r}"
                    )
                spans.append((first, last + 1, label))
    return row["text"], sorted_spans(spans)


def _open_germeval(path: Path, name: str) -> IO[str]:
    archive = path if path.suffix == ".zip" else path / "GermEval2014.zip"
    if not archive.is_file():
        for folder in (path, path / "GermEval2014"):
            with contextlib.suppress(FileNotFoundError):
                return open_text(folder, name)
        raise _missing(path, ["GermEval2014.zip", name, f"{name}.gz"])
    with zipfile.ZipFile(archive) as files:
        for member in files.namelist():
            if Path(member).name == name:
                return io.StringIO(files.read(member).decode("utf-8-sig"))
    raise _missing(archive, [name])


def _missing(place: Path, names: list[str]) -> FileNotFoundError:
    looked_for = ", ".join(names)
    there = "exists" if place.exists() else "does not exist"
    return FileNotFoundError(
        f"Looked for {looked_for} and found none in {place}, which {there}."
    )


def _corpus(
    name: str,
    train: list[Example],
    valid: list[Example],
    test: Iterable[Example] = (),
) -> Corpus:
    parts = (train, valid, list(test))
    labels = {
        label for part in parts for _, spans in part for _, _, label in spans
    }
    return Corpus(name, tuple(sorted(labels)), *parts)
