"""Prints the counts of a corpus and some examples, for a person to judge.

Run `python -m examples.corpora`, or for another corpus
`python -m examples.corpora cluener:PATH --examples 30 --seed 1`.
"""

import argparse
import random
import time
from collections import Counter

from . import Corpus
from . import Example
from . import load_corpus


def bracketed(example: Example) -> str:
    """The text with `[mention]label` around each span, nested ones inside.

    Example:
        >>> bracketed(("os.path", [(0, 7, "x"), (0, 2, "y"), (2, 7, "z")]))
        '[[os]y[.path]z]x'
    """
    text, spans = example
    marks = []
    for start, end, label in spans:
        # At one place: what closes before what opens, the shorter first.
        marks.append((start, 1, 0, "["))
        marks.append((end, 0, -start, f"]{label}"))
    for place, _, _, mark in sorted(marks, reverse=True):
        text = text[:place] + mark + text[place:]
    return text


def num_nested(example: Example) -> int:
    """The number of spans that lie inside another span of the example."""
    places = {(start, end) for start, end, _ in example[1]}
    inside = {
        (a, b)
        for a, b in places
        for start, end in places - {(a, b)}
        if start <= a and b <= end
    }
    return sum((start, end) in inside for start, end, _ in example[1])


def summary(corpus: Corpus) -> str:
    """Counts of texts, of spans by label, and of nested spans, per part."""
    lines = [f"{corpus.name}: {len(corpus.labels)} labels"]
    for part in ("train", "valid", "test"):
        examples = getattr(corpus, part)
        counts = Counter(span[2] for _, spans in examples for span in spans)
        nested = sum(map(num_nested, examples))
        empty = sum(not spans for _, spans in examples)
        by_label = ", ".join(f"{name} {counts[name]}" for name in corpus.labels)
        lines.append(
            f"{part}: {len(examples)} texts ({empty} without a mention), "
            f"{counts.total()} spans ({nested} nested): {by_label}"
        )
    return "\n".join(lines)


def main() -> None:
    """Reads the command line and prints."""
    parser = argparse.ArgumentParser(prog="python -m examples.corpora")
    parser.add_argument("corpus", nargs="?", default="standard_library")
    parser.add_argument("--examples", type=int, default=10)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    start = time.perf_counter()
    corpus = load_corpus(options.corpus)
    print(summary(corpus))
    print(f"read in {time.perf_counter() - start:.1f} s\n")
    examples = corpus.train + corpus.valid
    chosen = min(options.examples, len(examples))
    for example in random.Random(options.seed).sample(examples, chosen):
        print("-", bracketed(example))


if __name__ == "__main__":
    main()
