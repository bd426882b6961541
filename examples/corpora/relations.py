"""Texts with relations: from the standard library, or from files."""

import itertools
import json
import pathlib
import re
from collections.abc import Sequence
from typing import Any

from .library_relations import library_relations
from .ner_files import open_text
from .relation_corpus import Place
from .relation_corpus import Relation
from .relation_corpus import RelationCorpus
from .relation_corpus import predicates_of

Path = pathlib.Path


def load_relations(spec: str) -> RelationCorpus:
    """The corpus that a command line names.

    - `standard_library`: see `library_relations`.
    - `webnlg:FOLDER`: see `webnlg`.
    - `jsonl:FILE`: see `json_lines`.

    Raises:
        ValueError: If the name is unknown, or a path is missing or too much.
        FileNotFoundError: If a file is not there.
    """
    name, _, path = spec.partition(":")
    if name == "standard_library" and not path:
        return library_relations()
    if name not in READERS or not path:
        known = ", ".join(f"{each}:PATH" for each in READERS)
        raise ValueError(
            f"A corpus of relations is standard_library or one of {known}. "
            f"Received: {spec!r}"
        )
    return READERS[name](Path(path).expanduser())


def webnlg(folder: Path) -> RelationCorpus:
    """WebNLG in the version of whole entities, as triples of strings.

    A file is a JSON list of `{"text": ..., "triple_list": [[subject,
    predicate, object], ...]}`. An entity is put where it first occurs as whole
    words, or else where it first occurs; a triple with an entity that does not
    occur is left out and counted.
    """
    parts, missed, total = {}, 0, 0
    for part in ("train", "val", "test"):
        with open_text(folder, f"WebNLG.{part}_triples.json") as file:
            rows = json.load(file)
        parts[part] = [
            (row["text"], located(row["text"], row["triple_list"]))
            for row in rows
        ]
        given = sum(len({*map(tuple, row["triple_list"])}) for row in rows)
        missed += given - sum(len(found) for _, found in parts[part])
        total += given
    train = parts["train"]
    return RelationCorpus(
        predicates_of(itertools.chain(*parts.values())),
        train,
        {"test": parts["test"], "val": parts["val"]},
        [
            f"{missed} of {total} triples are left out, as an entity does not "
            "occur in its text."
        ],
    )


def json_lines(path: Path, valid_share: float = 0.15) -> RelationCorpus:
    """Your own texts, one JSON object a line, the last lines held out.

    A line is `{"text": ..., "relations": [{"subject": [start, end],
    "predicate": ..., "object": [start, end]}]}`.
    """
    with open_text(path.parent, path.name) as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    examples = [(row["text"], _read_relations(row)) for row in rows]
    split = len(examples) - max(1, round(len(examples) * valid_share))
    if split < 1:
        raise ValueError(
            f"{path} must have two lines or more, one to train on and one to "
            f"hold out. Received: {len(examples)} lines"
        )
    held = {"last lines": examples[split:]}
    return RelationCorpus(predicates_of(examples), examples[:split], held, [])


READERS = {"webnlg": webnlg, "jsonl": json_lines}


def located(text: str, triples: Sequence[Sequence[str]]) -> list[Relation]:
    """Triples of strings as relations, each once; those not found left out.

    Example:
        >>> located("Adam met Ada.", [("Ada", "met", "Adam")])
        [((9, 12), 'met', (0, 4))]
    """
    found = {}
    for subject, predicate, obj in triples:
        ends = find_entity(text, subject), find_entity(text, obj)
        if None not in ends:
            found[ends[0], predicate, ends[1]] = None
    return list(found)


def find_entity(text: str, entity: str) -> Place | None:
    """Where it first stands as whole words, or else first stands at all."""
    whole = re.search(rf"(?<!\w){re.escape(entity)}(?!\w)", text)
    start = whole.start() if whole else text.find(entity)
    return None if start < 0 else (start, start + len(entity))


def _read_relations(row: dict[str, Any]) -> list[Relation]:
    return [
        (tuple(one["subject"]), one["predicate"], tuple(one["object"]))
        for one in row["relations"]
    ]
