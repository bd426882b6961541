"""The corpora of relations: made and real sentences, and readers of files."""

import doctest
import gzip
import json
import random

import pytest

from examples.corpora import library_relations as library
from examples.corpora import phrasings
from examples.corpora import relations as reader
from examples.corpora.facts import links
from examples.corpora.facts import records
from examples.corpora.facts import sentences
from examples.corpora.mentions import find_mentions
from examples.corpora.names import scope_of
from examples.corpora.relations import load_relations

MODULES = ("json", "logging", "os", "queue", "shlex", "threading")


def in_words(text, relations):
    return [
        (text[slice(*one)], predicate, text[slice(*other)])
        for one, predicate, other in relations
    ]


def linked(text, module="logging"):
    scope = scope_of(module)
    return in_words(text, links(text, find_mentions(text, scope), scope))


def test_the_interpreter_confirms_what_links_two_mentions():
    assert linked("A FileHandler is a StreamHandler.") == [
        ("FileHandler", "inherits", "StreamHandler")
    ]
    assert linked("Some FileHandler and a PercentStyle.") == []
    assert set(linked("Like os.path.join it does.")) == {
        ("os.path.join", "part of", "os.path")
    }
    assert set(linked("See Logger.debug() of the logging module.")) == {
        ("Logger.debug", "method of", "Logger"),
        ("Logger.debug", "part of", "logging"),
        ("Logger", "part of", "logging"),
    }


def test_a_thing_named_twice_is_linked_where_it_stands_closest():
    text = "A FileHandler, not a Filterer, is a StreamHandler or FileHandler."
    scope = scope_of("logging")
    found = list(links(text, find_mentions(text, scope), scope))
    handler = [one for one in found if text[slice(*one[2])] == "StreamHandler"]
    assert [text[:a].count("FileHandler") for (a, _), _, _ in handler] == [1]


def test_records_tell_what_modules_define():
    found = {(r["module"], r["name"]): r for r in records(["queue", "json"])}
    assert found["queue", "LifoQueue"]["bases"] == ["Queue"]
    assert "put" in found["queue", "Queue"]["methods"]
    assert found["json", "dumps"]["bases"] == []
    assert found["json.decoder", "JSONDecoder"]["top"] == "json"
    assert ("json", "JSONDecoder") not in found


def test_every_sentence_has_its_words_where_it_says():
    found = sentences(MODULES, 256)
    assert any(relations for _, _, relations in found)
    for top, text, relations in found:
        assert top in MODULES
        for one, predicate, other in in_words(text, relations):
            assert predicate in ("inherits", "part of", "method of")
            assert one
            assert one != other


@pytest.mark.parametrize(("phrasing", "stated"), phrasings.PHRASINGS)
def test_phrasings_state_what_they_say(phrasing, stated):
    names = {field: field.upper() * 3 for field in "cbfxymo"}
    text, found = phrasings.fill(phrasing, stated, names)
    expected = []
    for statement in filter(None, stated.split(", ")):
        subject, *predicate, obj = statement.split()
        subject = ".".join(names[field] for field in subject.split("."))
        expected.append((subject, " ".join(predicate), names[obj]))
    assert in_words(text, found) == expected
    assert "{" not in text


def test_made_sentences_say_facts_of_their_records():
    known = records(MODULES)
    made = phrasings.phrase(known)
    assert made == phrasings.phrase(known)
    assert made != phrasings.phrase(known, seed=1)
    parts = {(r["name"], r["module"]) for r in known}
    inherits = {(r["name"], base) for r in known for base in r["bases"]}
    for text, relations in made:
        for one, predicate, other in in_words(text, relations):
            if predicate == "part of":
                assert (one.removeprefix(f"{other}."), other) in parts
            if predicate == "inherits":
                assert (one, other) in inherits


def test_held_out_modules_give_nothing_to_train_on():
    corpus = library.library_relations(MODULES, max_sentences=100)
    assert corpus.predicates == ("inherits", "method of", "part of")
    assert set(corpus.held) == {"made sentences", "docstrings"}
    train = {text for text, _ in corpus.train}
    for part in corpus.held.values():
        assert part
        assert not train & {text for text, _ in part}
    assert "sentences with a relation, too few" in corpus.notes[0]


TRIPLES = [
    {
        "text": "Adam met Ada in New York .",
        "triple_list": [
            ["Ada", "metIn", "New York"],
            ["Ada", "metIn", "New York"],
            ["Eve", "metIn", "New York"],
        ],
    }
]


def test_reads_triples_of_strings_and_counts_what_is_not_found(tmp_path):
    for part in ("train", "val", "test"):
        path = tmp_path / f"WebNLG.{part}_triples.json.gz"
        with gzip.open(path, "wt", encoding="utf-8") as file:
            json.dump(TRIPLES, file)
    corpus = load_relations(f"webnlg:{tmp_path}")
    text = TRIPLES[0]["text"]
    assert corpus.train == [(text, [((9, 12), "metIn", (16, 24))])]
    assert corpus.predicates == ("metIn",)
    assert set(corpus.held) == {"val", "test"}
    assert corpus.notes[0].startswith("3 of 6 triples are left out")


def test_an_entity_is_whole_words_where_it_can_be():
    assert reader.find_entity("Adam met Ada.", "Ada") == (9, 12)
    assert reader.find_entity("Adams", "Adam") == (0, 4)
    assert reader.find_entity("( 1 . FC ) 1 . FC", "1 . FC") == (2, 8)
    assert reader.find_entity("Bob", "Ada") is None


def test_reads_json_lines_and_holds_the_last_out(tmp_path):
    path = tmp_path / "mine.jsonl"
    one = {"subject": [0, 3], "predicate": "met", "object": [8, 11]}
    row = json.dumps({"text": "Ada met Bob", "relations": [one]})
    path.write_text("\n".join([row] * 4 + [""]), encoding="utf-8")
    corpus = load_relations(f"jsonl:{path}")
    example = ("Ada met Bob", [((0, 3), "met", (8, 11))])
    assert corpus.train == [example] * 3
    assert corpus.held == {"last lines": [example]}
    path.write_text(row, encoding="utf-8")
    with pytest.raises(ValueError, match="two lines or more"):
        load_relations(f"jsonl:{path}")


@pytest.mark.parametrize("spec", ["webnlg", "nyt:x", "standard_library:x"])
def test_refuses_corpora_it_does_not_know(spec):
    with pytest.raises(ValueError, match="webnlg:PATH"):
        load_relations(spec)
    with pytest.raises(FileNotFoundError):
        load_relations("webnlg:nowhere")


def test_examples_in_docstrings_print_what_they_say():
    for module in (phrasings, reader):
        assert doctest.testmod(module).failed == 0


def test_choices_do_not_depend_on_what_ran_before():
    random.seed(1)
    first = phrasings.phrase(records(["queue"]))
    random.seed(2)
    assert phrasings.phrase(records(["queue"])) == first
