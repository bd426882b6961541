"""Cuts a docstring into sentences of plain prose."""

import re

# A block of lines is left out whole if one of them starts or looks so:
# doctests, shell and code lines, headings; tables and drawings.
CODE = re.compile(
    r"\s*(?:>>>|\.\.\.(?:\s|$)|[$%#>|+]|-{2,}|={2,}|import\s|@\w+$|\.\.\s"
    r"|from\s+\S+\s+import\s|(?:def|class)\s+\w+.*:$|return\s)"
)
TABLE = re.compile(r"\S {3,}\S|[|+=_~^-]{4,}")
ITEM = re.compile(r"(?:[-*o+]|\(?\w[.)])\s+")
TERM = re.compile(r"\w[\w.]*(?:\([^)]*\))?:? --? ")
SENTENCE_END = re.compile(
    r"(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bcf\.)(?<!\bvs\.)(?<!\betc\.)"
    r"(?<!\ba\.k\.a\.)(?<![\s.(][A-Z]\.)"  # "RFC 3986 by T. Berners-Lee"
    r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(`*:]*[A-Z_])"
)
# Names and calls without arguments count as words.
WORD = re.compile(
    r"[\"'(`*:]*[A-Za-z_][\w.'-]*(?:\(\))?[\"')`*]*[,.;:!?]*[\"')`]*"
)
CODE_INSIDE = re.compile(r"\s(?:=|==|\||=>|<=|>=)\s|\bat 0x")
SIGNATURE = re.compile(r"[\w.]+\(.*\)(?:\s*-+>.*)?")


def passages(
    docstring: str, max_characters: int, max_words: int = 40
) -> list[str]:
    """The sentences of a docstring, each on one line, in reading order.

    A sentence that is longer, has fewer than four words, or is more code
    than words is left out.
    """
    sentences = (
        sentence
        for paragraph in paragraphs(docstring)
        for sentence in SENTENCE_END.split(paragraph)
    )
    return [
        sentence
        for sentence in sentences
        if len(sentence) <= max_characters
        and len(sentence.split()) <= max_words
        and is_prose(sentence)
    ]


def is_prose(sentence: str) -> bool:
    """Whether four tokens, and half of them, are plain words."""
    tokens = sentence.split()
    words = sum(1 for token in tokens if WORD.fullmatch(token))
    if words < 4 or 2 * words < len(tokens):
        return False
    return not (SIGNATURE.fullmatch(sentence) or CODE_INSIDE.search(sentence))


def paragraphs(docstring: str) -> list[str]:
    """The runs of prose lines, joined with single spaces.

    An indented block after `::` is literal, and left out.
    """
    joined, literal = [], None
    for block in re.split(r"\n\s*\n", docstring.expandtabs().strip("\n")):
        lines = [line for line in block.split("\n") if line.strip()]
        indent = min(map(_indent, lines), default=0)
        if literal is not None and indent > literal:
            continue
        literal = indent if block.rstrip().endswith("::") else None
        if not any(CODE.match(x) or TABLE.search(x.strip()) for x in lines):
            joined += _join(lines)
    return joined


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _join(lines: list[str]) -> list[str]:
    """One paragraph per list item, dedented line, or line after a colon."""
    runs: list[list[str]] = []
    last = 0
    for line in lines:
        content = line.strip()
        item = ITEM.match(content)
        starts = item or TERM.match(content) or _indent(line) < last
        if starts or not runs or runs[-1][-1].endswith(":"):
            runs.append([])
        runs[-1].append(content[item.end() :] if item else content)
        last = _indent(line)
    return [" ".join(" ".join(run).split()) for run in runs]
