"""Graded pairs of sentences: from docstrings and from files."""

import doctest
import gzip

import pytest

from examples.corpora import documents
from examples.corpora import pairs
from examples.corpora.library_pairs import graded_pairs
from examples.corpora.library_pairs import library_pairs
from examples.corpora.pairs import load_pairs

MODULES = ("json", "queue", "shlex", "string", "threading", "zipfile")


def record(top, name, *sentences):
    return {
        "top": top,
        "module": top,
        "owner": "",
        "name": name,
        "sentences": list(sentences),
    }


def test_grades_follow_from_where_sentences_stand():
    records = [
        record("a", "close", "Close the file.", "It is closed."),
        record("b", "close", "Close the socket."),
        record("b", "send", "Send the bytes."),
        record("c", "_make", "Make one."),
        record("d", "_make", "Make two."),
    ]
    graded = {frozenset(pair[:2]): pair[2] for pair in graded_pairs(records, 9)}
    assert graded[frozenset(("Close the file.", "Close the socket."))] == 3
    assert graded[frozenset(("Close the file.", "It is closed."))] == 2
    assert frozenset(("Make one.", "Make two.")) not in graded
    home = {r["sentences"][0]: r for r in records}
    for pair, grade in graded.items():
        if grade < 2:
            one, other = (home[text] for text in pair)
            assert one["name"] != other["name"]
            assert (one["module"] == other["module"]) == (grade == 1)


def test_parts_share_no_sentence_and_are_the_same_each_time():
    corpus = library_pairs(MODULES, held_share=0.5, per_grade=20)
    texts = [
        {text for pair in part for text in pair[:2]}
        for part in (corpus.train, corpus.dev, corpus.test)
    ]
    assert all(texts)
    for one in range(3):
        for other in range(one):
            assert not texts[one] & texts[other]
    assert corpus.grades == (0, 3)
    assert corpus.middle == 1.5
    assert library_pairs(MODULES, held_share=0.5, per_grade=20) == corpus


def test_a_sentence_counts_for_one_docstring():
    records = documents.collect(list(MODULES), 160)
    sentences = [text for each in records for text in each["sentences"]]
    assert len(set(sentences)) == len(sentences) > 100
    assert {each["top"] for each in records} == set(MODULES)


def test_reads_the_files_of_both_benchmarks(tmp_path):
    english = "news\tfile\t2012\t7\t2.500\tA cat.\tA dog.\tlicence\n"
    for part in ("train", "dev", "test"):
        with gzip.open(tmp_path / f"sts-{part}.csv.gz", "wt") as file:
            file.write(english)
    assert load_pairs(f"stsb_en:{tmp_path}").test == [("A cat.", "A dog.", 2.5)]
    for part in ("train", "valid", "test"):
        path = tmp_path / f"STS-B.{part}.data"
        path.write_text("一只猫\t一只狗\t3\n", "utf-8")
    assert load_pairs(f"stsb_zh:{tmp_path}").dev == [("一只猫", "一只狗", 3.0)]


def test_reads_pairs_of_ones_own(tmp_path):
    path = tmp_path / "mine.tsv"
    path.write_text("".join(f"a{n}\tb\t{n}\n" for n in range(10)))
    corpus = load_pairs(f"tsv:{path}")
    assert [len(part) for part in corpus[1:4]] == [6, 2, 2]
    assert corpus.test[-1] == ("a9", "b", 9.0)


def test_a_smaller_corpus_is_drawn_from_all_of_it(tmp_path):
    path = tmp_path / "mine.tsv"
    path.write_text("".join(f"a{n}\tb\t{n}\n" for n in range(100)))
    corpus = load_pairs(f"tsv:{path}")
    small = corpus.limited(10, 5)
    assert [len(part) for part in small[1:4]] == [10, 5, 5]
    assert set(small.train) < set(corpus.train)
    assert small.train != corpus.train[:10]
    assert small == corpus.limited(10, 5)
    assert corpus.limited() == corpus


def test_names_what_is_wrong(tmp_path):
    with pytest.raises(ValueError, match="'sick'"):
        load_pairs("sick")
    with pytest.raises(FileNotFoundError):
        load_pairs(f"stsb_en:{tmp_path}")
    path = tmp_path / "bad.tsv"
    path.write_text("a\tb\t1\na\tb\thigh\n")
    with pytest.raises(ValueError, match="line 2"):
        load_pairs(f"tsv:{path}")
    path.write_text("a\tb\t1\n")
    with pytest.raises(ValueError, match="three lines or more"):
        load_pairs(f"tsv:{path}")


def test_examples_print_what_they_say():
    assert doctest.testmod(pairs).failed == 0
