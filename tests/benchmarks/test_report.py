"""Figures are kept, summed up and shown without losing or inventing any."""

import json
from types import SimpleNamespace

import pytest

from benchmarks import __main__ as runner
from benchmarks._page import write
from benchmarks._plots import plot
from benchmarks._report import figure
from benchmarks._report import keep
from benchmarks._tables import latest
from benchmarks._tables import number
from benchmarks._tables import show
from benchmarks._tables import tables
from benchmarks._verdicts import Claim
from benchmarks._verdicts import Comparison
from benchmarks._verdicts import judged


def scored(row, values, run="1", **options):
    return [
        {"run": run, **figure("T", row, "F1", v, "points", seed=i, **options)}
        for i, v in enumerate(values)
    ]


def test_a_missing_figure_has_a_reason():
    with pytest.raises(ValueError, match="no figure: T, ours"):
        figure("T", "ours", "time", None)


def test_keeps_a_line_for_each_figure(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_TRICKS_RESULTS", str(tmp_path / "new"))
    keep("name", [figure("T", "ours", "time", 2.5, "ms", batch=8)])
    path = keep("name", [figure("T", "ours", "time", 3.5, "ms", batch=8)])
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["value"] for row in rows] == [2.5, 3.5]
    assert rows[0]["settings"] == {"batch": 8}
    assert rows[0]["benchmark"] == "name"
    assert {"versions", "hardware", "date", "run", "backend"} <= set(rows[0])


def test_seeds_become_mean_and_deviation():
    (table,) = tables(scored("ours", [70.0, 71.0, 75.0]))
    assert table.header == ["", "F1, points"]
    assert table.body == [["ours", "72.0 ± 2.6"]]
    assert "±: deviation over 3 seeds" in table.notes


def test_small_means_have_small_deviations():
    (table,) = tables(scored("ours", [1e-5, 3e-5]))
    assert table.body == [["ours", "2.0e-05 ± 1.4e-05"]]


def test_a_cell_is_its_latest_run_s():
    rows = scored("ours", [1.0, 2.0, 3.0]) + scored("theirs", [5.0])
    rows += scored("ours", [4.0], run="2")
    assert [row["value"] for row in latest(rows)] == [5.0, 4.0]


def test_columns_rows_and_backends_keep_their_order():
    rows = [
        {"run": "1", **figure("T", row, column, i, unit, backend=backend)}
        for i, (row, column, unit, backend) in enumerate(
            [
                ("b", "time", "s", "torch"),
                ("b", "size", "", "torch"),
                ("a", "time", "s", "torch"),
                ("b", "time", "s", "jax"),
            ]
        )
    ]
    (table,) = tables(rows)
    assert table.header == ["", "time, s", "size"]
    assert table.body == [
        ["torch: b", "0", "1"],
        ["torch: a", "2", ""],
        ["jax: b", "3", ""],
    ]


def test_backends_are_columns_where_there_is_one_otherwise():
    rows = [
        {"run": "1", **figure("T", row, "error", i, "%", backend=backend)}
        for i, (row, backend) in enumerate(
            [("a", "torch"), ("b", "torch"), ("a", "jax")]
        )
    ]
    (table,) = tables(rows)
    assert table.header == ["", "torch, %", "jax, %"]
    assert table.body == [["a", "0", "2"], ["b", "1", ""]]


def test_marks_reasons_ratios_and_units(capsys):
    rows = [
        figure("T", "ours", "cost", 2.0, "ms", peer="Adam", ratio=1.25),
        figure("T", "ours, memory", "cost", 1500.0, "MiB", spread=20.0),
        figure("T", "peer", "cost", None, "ms", note="not installed"),
    ]
    show(rows)
    printed = capsys.readouterr().out
    for text in (
        "2.00 ms (1.25 ×)",
        "1,500 ± 20 MiB",
        "not run [1]",
        "[1] not installed",
        "(… ×): over Adam, in the same run",
    ):
        assert text in printed


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (19092, "", "19,092"),
        (0.0, "s", "0"),
        (3.2e-8, "", "3.2e-08"),
        (0.01234, "s", "0.0123"),
        (1234.5, "ms", "1,234"),
        (9.876, "points", "9.88"),
        (67.68, "points", "67.7"),
        (0.012, "points", "0.01"),
        (-2.5, "", "-2.50"),
    ],
)
def test_three_digits(value, unit, text):
    assert number(value, unit) == text


@pytest.mark.parametrize(
    ("first", "second", "lower", "verdict"),
    [
        ([70, 71, 72], [60, 61, 62], False, "**confirmed**"),
        ([70, 71, 72], [60, 61, 62], True, "not confirmed here"),
        ([70, 71, 72], [70, 71, 71], False, "not confirmed here"),
        ([60], [70], True, "**confirmed**"),
        ([60], [], True, "could not be tested here"),
    ],
)
def test_a_claim_holds_beyond_two_standard_errors(
    first, second, lower, verdict
):
    rows = scored("ours", first) + scored("theirs", second)
    compared = Comparison("name", "T", "F1", "ours", "theirs", lower)
    claim = Claim("text", "source", "nothing", (compared,))
    found, figures = judged(claim, {"name": rows})
    assert found == verdict
    assert ("against" in figures) == bool(second)


@pytest.mark.parametrize(
    ("spread", "verdict"),
    [(None, "**confirmed**"), (0.4, "**confirmed**"), (5.0, "not confirmed")],
)
def test_seeds_do_not_shrink_the_error_of_their_test_set(spread, verdict):
    rows = scored("ours", [70, 71, 72], spread=spread)
    rows += scored("theirs", [60, 61, 62], spread=spread)
    compared = Comparison("name", "T", "F1", "ours", "theirs")
    claim = Claim("text", "source", "nothing", (compared,))
    assert judged(claim, {"name": rows})[0].startswith(verdict)


def test_part_of_a_claim_holds():
    rows = scored("a", [3.0]) + scored("b", [2.0]) + scored("c", [4.0])
    compared = [Comparison("name", "T", "F1", "a", other) for other in "bc"]
    claim = Claim("text", "source", "nothing", tuple(compared))
    assert judged(claim, {"name": rows})[0] == "in part (1 of 2)"


def test_columns_of_a_row_are_compared_too():
    rows = [
        {"run": "1", **figure("T", "sparse", name, value)}
        for name, value in (("ours", 1.0), ("theirs", 2.0))
    ]
    compared = Comparison("name", "T", "sparse", "ours", "theirs", lower=True)
    claim = Claim("text", "source", "nothing", (compared,))
    found, figures = judged(claim, {"name": rows})
    assert found == "**confirmed**"
    assert figures == "T (sparse): ours 1.00 against theirs 2.00"


def test_draws_points_that_make_a_curve(tmp_path):
    rows = [
        {"run": "1", **figure("T", f"{x} rows", "time", x / 2, "s", x=x)}
        for x in (1, 10, 100)
    ]
    path = tmp_path / "new" / "plot.svg"
    assert plot(rows[:2], path) is None
    assert not path.exists()
    rows = [{**row, "curve": "ours"} for row in rows]
    assert plot(rows, path) == path
    first = path.read_bytes()
    plot(rows, path)
    assert path.read_bytes() == first  # The same figures, the same file.


def test_writes_the_page(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_TRICKS_RESULTS", str(tmp_path))
    rows = [
        figure("Cost", f"{x} rows", "time", 2.0 * x, "s", x=x, curve="ours")
        for x in (1, 2, 3)
    ]
    keep("thresholds", rows)
    page = write(["thresholds", "cosent"], tmp_path, tmp_path / "page.md")
    text = page.read_text("utf-8")
    assert "| 2 rows | 4.00 |" in text
    assert "![Cost](pictures/thresholds_1.svg)" in text
    assert text.count("Not run.") == 1
    assert "could not be tested here" in text
    assert "mean nothing" not in text
    quick = write([], tmp_path / "quick", tmp_path / "page.md")
    assert "mean nothing" in quick.read_text("utf-8")


def test_says_what_data_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_TRICKS_RESULTS", str(tmp_path))
    (tmp_path / "here").mkdir()
    job = runner.Job(data=("here", "gone"))
    assert runner.missing_data(runner.Job(), None) is None
    assert "no folder" in runner.missing_data(job, None)
    missing = runner.missing_data(job, str(tmp_path))
    assert missing == "no data for gone"
    keep("cosent", [figure("Cost", "ours", "time", 2.0, "s")])
    arguments = SimpleNamespace(data=None, quick=True)
    assert runner.run("cosent", job, arguments)
    text = write(["cosent"], tmp_path, tmp_path / "page.md").read_text("utf-8")
    assert "no folder of data was named" in text
    assert "2.00" not in text  # Never a figure of another run.


def test_every_script_is_known():
    names = {
        path.stem
        for path in (runner.RESULTS.parent).glob("*.py")
        if not path.stem.startswith("_")
    }
    assert set(runner.JOBS) == names
