"""The example scripts run from start to end, on a handful of texts."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def run(script, *arguments):
    """Run an example in a process of its own and return what it printed."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / script), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_named_entities(tmp_path):
    line = {
        "text": "小明在北京大学",
        "label": {"name": {"小明": [[0, 1]]}, "place": {"北京": [[3, 4]]}},
    }
    text = json.dumps(line, ensure_ascii=False) + "\n"
    for part in ("train", "dev"):
        (tmp_path / f"{part}.json").write_text(text * 4, "utf-8")
    printed = run(
        "named_entities.py",
        f"--data=cluener:{tmp_path}",
        "--epochs=1",
        "--length=16",
        f"--output={tmp_path / 'out'}",
    )
    assert "Held-out texts: 4" in printed
    assert (tmp_path / "out" / "score_matrix.png").stat().st_size > 1000
    assert (tmp_path / "out" / "extractor.keras").exists()


def test_relation_extraction(tmp_path):
    line = {
        "text": "Ada met Bob",
        "relations": [
            {"subject": [0, 3], "predicate": "met", "object": [8, 11]}
        ],
    }
    path = tmp_path / "texts.jsonl"
    path.write_text((json.dumps(line) + "\n") * 12, "utf-8")
    printed = run(
        "relation_extraction.py",
        f"--data=jsonl:{path}",
        "--epochs=1",
        "--length=16",
        f"--output={tmp_path / 'out'}",
    )
    assert "precision" in printed
    assert (tmp_path / "out" / "relations.keras").exists()


def test_sentence_similarity(tmp_path):
    path = tmp_path / "pairs.tsv"
    lines = ["a cat naps\ta cat sleeps\t2\n", "a cat naps\tthe sky\t0\n"]
    path.write_text("".join(lines * 10), "utf-8")
    printed = run(
        "sentence_similarity.py",
        f"--data=tsv:{path}",
        "--epochs=1",
        "--length=16",
        f"--output={tmp_path / 'out'}",
    )
    for name in ("CoSENT", "cosine regression", "Sentence-BERT", "interaction"):
        assert f"\n{name}" in printed
    for name in ("similarity.png", "sentence_encoder.keras", "threshold.json"):
        assert (tmp_path / "out" / name).stat().st_size > 50


def test_child_tuning():
    arguments = "--size=16 --seeds=1 --epochs=1 --pretraining=1 --length=8"
    printed = run("child_tuning.py", *arguments.split())
    assert "seed 0: AdamW" in printed
    assert [line.split()[0] for line in printed.splitlines()[-3:]] == [
        "AdamW",
        "F",
        "D",
    ]


def test_knowledge_qa(tmp_path):
    lines = [
        {
            "question": f"{name}是哪里人",
            "answer": f"{name} ||| 籍贯 ||| {place}",
        }
        for name, place in (("李白", "绥州"), ("杜甫", "巩县"))
    ]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    for part in ("train", "dev"):
        (tmp_path / f"{part}.json").write_text(text, "utf-8")
    printed = run(
        "knowledge_qa.py",
        f"--data=kgclue:{tmp_path}",
        "--epochs=1",
        "--width=8",
        "--batch-size=2",
    )
    assert "2 entries" in printed
    row = next(x for x in printed.splitlines() if x.startswith("5 beams  "))
    assert row.split()[4] == "100.0"


def test_the_characters_have_facts_and_questions(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    knowledge = importlib.import_module("corpora.knowledge")
    facts, train, test, _ = knowledge.load_knowledge(None)
    assert ("copyright sign", "code point", "u+00a9") in facts
    assert len(train) + len(test) == len(facts)
    assert all(fact[0] in question for question, fact in train)


def test_step_size(tmp_path):
    printed = run(
        "step_size.py",
        "--epochs=1",
        "--steps=20",
        "--rates=0.1",
        f"--output={tmp_path}",
    )
    assert (tmp_path / "accuracy_by_rate.png").stat().st_size > 1000
    assert "sum 1.0000" in printed


def test_gan_digits(tmp_path):
    printed = run(
        "gan_digits.py",
        "--limit=80",
        "--steps=2",
        "--width=2",
        "--seeds=1",
        "--methods=gn",
        "--processes=1",
        f"--output={tmp_path}",
    )
    assert "80 images" in printed
    assert "GradientNormalization" in printed
    for name in ("gan_samples.png", "gan_distances.png"):
        assert (tmp_path / name).stat().st_size > 1000


def test_multi_task(tmp_path):
    arguments = "--limit=60 --seeds=2 --epochs=1 --batch=20 --only mgda"
    printed = run(
        "multi_task.py",
        "--landscape-steps=2",
        f"--output={tmp_path}",
        *arguments.split(),
    )
    for name in ("mgda (layer)", "mgda, exact (full)"):
        assert f"\n{name}" in printed
    for name in ("task_weights.png", "landscape.png"):
        assert (tmp_path / name).stat().st_size > 1000
