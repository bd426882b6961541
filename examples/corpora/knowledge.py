"""Questions, and the knowledge base that answers them.

A fact is (subject, predicate, object); a question asks for the object, and its
answer is found by naming subject and predicate.
"""

import gzip
import html.entities
import io
import json
import random
import re
import unicodedata
from pathlib import Path
from typing import NamedTuple


class Knowledge(NamedTuple):
    """Facts, and pairs of a question and its fact, for training and test."""

    facts: list
    train: list
    test: list
    about: str


# Made sentences, as nobody asks the standard library anything. The words of a
# predicate are not always those of the question.
TEMPLATES = {
    "code point": ("what is the code point of {}", "where in unicode is {}"),
    "html entity": ("how is {} written in html", "which entity stands for {}"),
    "category": ("what kind of character is {}", "what is the category of {}"),
    "bytes in utf-8": ("how is {} encoded in utf-8", "which bytes are {}"),
}


def load_knowledge(data, split="own", seed=0):
    """The knowledge base named by `--data`."""
    kind, _, folder = (data or "characters").partition(":")
    if kind == "characters":
        return characters(seed)
    read = {"kgclue": read_kgclue, "nlpcc": read_nlpcc}[kind]
    train, test = read(Path(folder))
    if split == "random":
        together = train + test
        random.Random(seed).shuffle(together)
        train, test = together[: len(train)], together[len(train) :]
    facts = sorted({fact for _, fact in train + test})
    seen = {fact[1] for _, fact in train}
    known = sum(fact[1] in seen for _, fact in test)
    about = (
        f"{kind}, {split} split: {len(facts)} facts (those that questions ask "
        f"for), {known} of {len(test)} held-out questions have a predicate "
        "that a question in training has"
    )
    return Knowledge(facts, train, test, about)


def characters(seed):
    """Characters with an HTML entity, from Python's standard library."""
    facts, pairs, generator = [], [], random.Random(seed)
    for name in sorted(html.entities.name2codepoint):
        code = html.entities.name2codepoint[name]
        subject = unicodedata.name(chr(code), "").lower()
        if not subject:
            continue
        objects = {
            "code point": f"u+{code:04x}",
            "html entity": f"&{name};",
            "category": unicodedata.category(chr(code)).lower(),
            "bytes in utf-8": chr(code).encode().hex(" "),
        }
        for predicate, what in objects.items():
            fact = (subject, predicate, what)
            facts.append(fact)
            asked = generator.choice(TEMPLATES[predicate]).format(subject)
            pairs.append((asked, fact))
    generator.shuffle(pairs)
    cut = len(pairs) * 4 // 5
    about = f"characters: {len(facts)} facts, questions from templates"
    return Knowledge(facts, pairs[:cut], pairs[cut:], about)


def lines(path):
    """Lines of a text file, compressed or not."""
    packed = Path(f"{path}.gz")
    if packed.exists():
        return io.TextIOWrapper(gzip.open(packed), encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


def fact_of(text):
    """The three parts of `subject ||| predicate ||| object`."""
    parts = [part.strip() for part in text.split("|||")]
    return tuple(parts[:3]) if len(parts) >= 3 and all(parts[:3]) else None


def read_kgclue(folder):
    """Questions of KgCLUE: `train` and `dev`."""
    parts = []
    for name in ("train.json", "dev.json"):
        with lines(folder / name) as file:
            rows = [json.loads(line) for line in file]
        found = [(row["question"], fact_of(row["answer"])) for row in rows]
        parts.append([pair for pair in found if pair[1]])
    return parts


def read_nlpcc(folder):
    """Questions of NLPCC-ICCPOL 2016 KBQA: training and testing."""
    parts = []
    for name in ("training", "testing"):
        pairs, question = [], ""
        with lines(folder / f"nlpcc-iccpol-2016.kbqa.{name}-data") as file:
            for line in file:
                match = re.match(r"<(question|triple) id=\d+>\s*(.*)", line)
                if match and match[1] == "question":
                    question = match[2].strip()
                elif match and fact_of(match[2]):
                    pairs.append((question, fact_of(match[2])))
        parts.append(pairs)
    return parts
