"""The corpora of the examples: mentions, splits, and readers of files."""

import doctest
import gzip
import json
import queue
import sys
import threading
import warnings
import zipfile

import pytest

from examples.corpora import Corpus
from examples.corpora import __main__ as command
from examples.corpora import docstrings
from examples.corpora import find_mentions
from examples.corpora import load_corpus
from examples.corpora import mentions
from examples.corpora import standard_library
from examples.corpora import tags
from examples.corpora.mentions import has_doubtful_call
from examples.corpora.names import LABELS
from examples.corpora.names import Scope
from examples.corpora.names import scope_of
from examples.corpora.passages import passages
from examples.corpora.standard_library import hold_out
from examples.corpora.standard_library import thin_out

MODULES = ("json", "os", "queue", "shlex", "threading")


def found(text, scope=None):
    spans = find_mentions(text, scope or Scope())
    return [(text[start:end], label[0]) for start, end, label in spans]


def test_a_dotted_path_holds_its_prefixes():
    assert found("Like os.path.join, but lazy.") == [
        ("os.path.join", "f"),
        ("os.path", "m"),
        ("os", "m"),
    ]
    assert found("It sets `json.JSONDecoder.decode`.") == [
        ("json.JSONDecoder.decode", "f"),
        ("json.JSONDecoder", "c"),
        ("json", "m"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Look in sys.argv first.", [("sys", "m")]),
        ("Set sys.ps3 and csv.ps3.", [("sys", "m")]),
        ("See os.path.nothing.", [("os.path", "m"), ("os", "m")]),
        ("ValueError or a KeyError.", [("ValueError", "e"), ("KeyError", "e")]),
        ("Calls len() and open(path).", [("len", "f"), ("open", "f")]),
        ("By `open` or :class:`list`.", [("open", "f"), ("list", "c")]),
        ("Helper for @property.", [("property", "c")]),
        ("Any bytes object, or a dict.", [("bytes", "c"), ("dict", "c")]),
        ("Uses the random module.", [("random", "m")]),
        ("The time and random modules.", [("time", "m"), ("random", "m")]),
        ("Like the open function.", [("open", "f")]),
        ("It calls __init__ late.", [("__init__", "f")]),
    ],
)
def test_a_sign_of_code_makes_a_mention(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Open the list(s) and copy it at the same time, if all of it is set.",
        "A random number of bytes, dict-like; a hash function, an object type.",
        "Exception at a time.The next warning(s) follow. Warning: none.",
        "The mode is 'open' or \"eval\", and the `filter` argument a string.",
        "Read self.open, S.find(sub), time.nothing and nothing.open.",
        "Write json.py, or /usr/os.path to https://docs.org/os.path#json.",
        "Starts __main__ or idlelib.run, which are not imported.",
    ],
)
def test_ordinary_words_are_no_mentions(text):
    assert found(text) == []


def test_a_scope_knows_its_class_its_module_and_methods():
    scope = scope_of("queue", (queue.PriorityQueue,))
    assert found("Queue of the Queue.", scope) == [("Queue", "c")]
    assert found("Raise Full when qsize() is large.", scope) == [
        ("Full", "e"),
        ("qsize", "f"),
    ]
    assert found("Then task_done unblocks.", scope_of("queue")) == [
        ("task_done", "f")
    ]
    assert found("Raise Full when the Queue is.") == []
    assert found("As _socket does.", scope_of("socket")) == []
    assert found("The Message Queue.", scope) == []


def test_a_parameter_is_no_mention():
    scope = Scope(parameters=frozenset({"len", "json"}))
    assert found("Call len() with json.dumps and repr().", scope) == [
        ("repr", "f")
    ]


def test_a_call_without_a_mention_makes_a_text_doubtful():
    for text, doubtful in [
        ("A file with a read() method.", True),
        ("Call len() of the item(s) in `x`.", False),
    ]:
        assert has_doubtful_call(text, find_mentions(text, Scope())) is doubtful


def test_passages_are_sentences_of_prose():
    docstring = """Reads the file, e.g. One that
    was wrapped.  Then gives it back.

    >>> read(1)
    'some text that is printed'

    - the first of the items
    - the second of the items, which
      goes on

    name      a table of words
    Code follows here::

        this is a literal block

    Short one. f(x, y=1, z=2) -> a, b[c], d{e}. x = the value of it.
    """
    assert passages(docstring, 60) == [
        "Reads the file, e.g. One that was wrapped.",
        "Then gives it back.",
        "the first of the items",
        "the second of the items, which goes on",
    ]
    assert passages(docstring, 25) == [
        "Then gives it back.",
        "the first of the items",
    ]


@pytest.fixture(scope="module")
def library():
    return standard_library(modules=MODULES)


def test_the_library_is_the_same_each_time(library):
    assert standard_library(modules=reversed(MODULES)) == library


def test_the_parts_share_no_text_and_no_module(library):
    rows = docstrings.harvest(MODULES, max_characters=256)
    module_of = {text: module for module, text, _ in rows}
    parts = [[text for text, _ in part] for part in library[2:4]]
    assert len({*parts[0], *parts[1]}) == len(parts[0]) + len(parts[1])
    train, valid = ({module_of[text] for text in part} for part in parts)
    assert train | valid == set(MODULES)
    assert not train & valid
    assert not any(has_doubtful_call(text, spans) for _, text, spans in rows)


def test_spans_lie_in_their_texts_and_have_known_labels(library):
    assert library.labels == LABELS
    assert library.test == []
    labels = set()
    for text, spans in library.train + library.valid:
        assert len(text) <= 256
        assert text == " ".join(text.split())
        assert len(set(spans)) == len(spans)
        for start, end, label in spans:
            assert 0 <= start < end <= len(text)
            assert all(
                name.isidentifier() for name in text[start:end].split(".")
            )
            labels.add(label)
    assert labels == set(LABELS)


def test_at_most_a_quarter_of_a_part_has_no_mention(library):
    for part in library[2:4]:
        empty = sum(not spans for _, spans in part)
        assert 0 < empty <= len(part) / 4
    many = [("none", []), ("b", []), *[("some", [(0, 1, "class")])] * 4]
    assert len(thin_out(many)) == 5


def test_the_shares_and_lengths_asked_for_are_kept(library):
    sizes = {f"m{size}": size for size in range(1, 21)}
    modules = [name for name, size in sizes.items() for _ in range(size)]
    for share in (0.1, 0.3, 0.6):
        held = sum(sizes[name] for name in hold_out(modules, share))
        assert abs(held / len(modules) - share) < 0.05
    assert hold_out(["a"] * 9 + ["b"] * 8, 0.1) == {"b"}
    assert hold_out(["a"] * 9 + ["b"] * 8, 0.99) in ({"a"}, {"b"})
    short = standard_library(modules=MODULES, max_characters=40)
    assert max(len(text) for text, _ in short.train) <= 40
    halves = standard_library(modules=MODULES, valid_share=0.5)
    assert len(halves.valid) > len(library.valid)


def test_reading_the_library_leaves_the_caller_as_it_was():
    before = set(sys.modules), list(warnings.filters), threading.enumerate()
    standard_library(modules=("wave", "sched"))
    after = set(sys.modules), list(warnings.filters), threading.enumerate()
    assert after == before


@pytest.mark.parametrize(
    "arguments",
    [
        {"valid_share": 1.0},
        {"modules": ("json", "antigravity")},
        {"max_characters": 3, "modules": MODULES},
        {"max_characters": 256, "modules": ("json",)},
    ],
)
def test_the_library_names_a_bad_argument(arguments):
    with pytest.raises(ValueError, match=f"Received: {next(iter(arguments))}="):
        standard_library(**arguments)


CLUENER = [
    {
        "text": "温格战胜曼联",
        "label": {"name": {"温格": [[0, 1]]}, "team": {"曼联": [[4, 5]]}},
    },
    {"text": "没有", "label": {}},
]
WNUT = "New\tB-LOC\nYork\tI-LOC\n#\tO\n\n\nI\tO\nDisney\tI-GRP\nWorld\tI-LOC"
GERMEVAL = """#\thttp://example.org
Im\tO\tO
Kölner\tB-ORG\tB-LOCderiv
Zoo\tI-ORG\tO
#\tO\tO

"""


def write(path, text):
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def test_cluener_files_are_read(tmp_path):
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in CLUENER)
    write(tmp_path / "train.json", lines + "\n")
    write(tmp_path / "dev.json.gz", lines)
    expected = [
        ("温格战胜曼联", [(0, 2, "name"), (4, 6, "team")]),
        ("没有", []),
    ]
    assert load_corpus(f"cluener:{tmp_path}") == Corpus(
        "cluener", ("name", "team"), expected, expected
    )
    write(tmp_path / "train.json", lines.replace("[0, 1]", "[0, 2]"))
    with pytest.raises(ValueError, match="Received: '温格战'"):
        load_corpus(f"cluener:{tmp_path}")


def test_wnut_files_are_read(tmp_path):
    write(tmp_path / "wnut17train.conll.gz", WNUT)
    write(tmp_path / "emerging.dev.conll", WNUT.replace("\n", "\r\n"))
    write(tmp_path / "emerging.test.annotated", "a\tO\n")
    corpus = load_corpus(f"wnut17:{tmp_path}")
    assert corpus.train == corpus.valid
    assert corpus.train == [
        ("New York #", [(0, 8, "LOC")]),
        ("I Disney World", [(2, 8, "GRP"), (9, 14, "LOC")]),
    ]
    assert (corpus.labels, corpus.test) == (("GRP", "LOC"), [("a", [])])
    for wrong in ("a O", "a\tX-LOC", "a\tO\tO", "a\tB-"):
        write(tmp_path / "emerging.test.annotated", f"{wrong}\n")
        with pytest.raises(ValueError, match="Received"):
            load_corpus(f"wnut17:{tmp_path}")


def test_germeval_files_are_read_with_nested_spans(tmp_path):
    expected = [("Im Kölner Zoo #", [(3, 13, "ORG"), (3, 9, "LOCderiv")])]
    (tmp_path / "loose").mkdir()
    archive = tmp_path / "GermEval2014.zip"
    with zipfile.ZipFile(archive, "w") as files:
        for part in ("train", "dev", "test"):
            files.writestr(f"GermEval2014/germ.{part}.iob2", GERMEVAL)
            write(tmp_path / "loose" / f"germ.{part}.iob2", GERMEVAL)
    for path in (tmp_path, archive, tmp_path / "loose"):
        corpus = load_corpus(f"germeval2014:{path}")
        assert corpus.train == corpus.valid == corpus.test == expected
        assert corpus.labels == ("LOCderiv", "ORG")


@pytest.mark.parametrize("spec", ["conll:x", "cluener", "standard_library:x"])
def test_an_unknown_corpus_is_named(spec):
    with pytest.raises(ValueError, match=f"cluener:PATH.* Received: '{spec}'"):
        load_corpus(spec)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("cluener", "train.json.gz"),
        ("wnut17", "wnut17train.conll.gz"),
        ("germeval2014", "GermEval2014.zip, germ.train.iob2"),
    ],
)
def test_a_missing_file_is_named_with_its_folder(name, file, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"{file}.* in .*nowhere"):
        load_corpus(f"{name}:{tmp_path / 'nowhere'}")


def test_examples_are_printed_with_brackets(capsys, monkeypatch, tmp_path):
    for name in ("train.json", "dev.json"):
        write(tmp_path / name, json.dumps(CLUENER[0]))
    spec = f"cluener:{tmp_path}"
    monkeypatch.setattr(sys, "argv", ["corpora", spec, "--examples", "9"])
    command.main()
    printed = capsys.readouterr().out
    assert "train: 1 texts (0 without a mention), 2 spans" in printed
    assert printed.count("- [温格]name战胜[曼联]team") == 2


@pytest.mark.parametrize("module", [command, mentions, tags])
def test_docstring_examples_print_what_they_say(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
