"""Run benchmarks one after the other, then write `docs/benchmarks.md`.

    python -m benchmarks [NAME ...] [--quick] [--data FOLDER]

Without names all of them run, which takes hours; with `--quick` each is cut
down to a minute or two, its figures go to `benchmarks/results/quick/`, and the
page beside them. FOLDER, or the variable `KERAS_TRICKS_DATA`, holds a folder
for each corpus; where one is missing the page says "not run". `--render` writes
the page from the figures that are there.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks._report import NOT_RUN
from benchmarks._report import RESULTS
from benchmarks._report import figure
from benchmarks._report import keep

BACKENDS = ("jax", "tensorflow", "torch")


class Job(NamedTuple):
    """How a script is run: once, or once for each backend; what it needs."""

    per_backend: bool = False
    data: tuple[str, ...] = ()
    backend: str = "jax"


JOBS = {
    "span_loss": Job(),
    "span_head": Job(per_backend=True),
    "span_extraction": Job(data=("cluener", "wnut17", "germeval2014")),
    "exactness": Job(per_backend=True),
    "cosent": Job(),
    "sentence_similarity": Job(data=("stsb_en",), backend="torch"),
    "similarity_from_scratch": Job(data=("stsb_zh",)),
    "thresholds": Job(backend="torch"),
    "child_tuning": Job(data=("cola", "wnut17"), backend="torch"),
    "optimizers": Job(per_backend=True),
    "multi_task": Job(),
    "gan": Job(),
    "constrained_decoding": Job(),
    "knowledge_qa": Job(data=("kgclue", "nlpcc2016_kbqa"), backend="torch"),
    "precision": Job(backend="torch"),
}


def main():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=", ".join(JOBS)
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data", default=os.environ.get("KERAS_TRICKS_DATA"))
    parser.add_argument("--render", action="store_true", help="only the page")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(JOBS))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(JOBS)}")
    results = RESULTS / "quick" if arguments.quick else RESULTS
    os.environ["KERAS_TRICKS_RESULTS"] = str(results)
    failed = []
    if not arguments.render:
        failed = run_all(arguments.names or list(JOBS), arguments)
    from benchmarks._page import write

    page = results / "benchmarks.md" if arguments.quick else None
    print(f"\nwritten: {write(JOBS, results, page)}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def run_all(names: list[str], arguments) -> list[str]:
    """Run the scripts in turn, and say which ones failed."""
    started, failed = time.perf_counter(), []
    for number, name in enumerate(names):
        minutes = (time.perf_counter() - started) / 60
        done = "█" * (20 * number // len(names))
        print(
            f"\n{done:░<20} {number + 1} of {len(names)}: {name} "
            f"({minutes:.0f} min so far)",
            flush=True,
        )
        if not run(name, JOBS[name], arguments):
            failed.append(name)
    return failed


def run(name: str, job: Job, arguments) -> bool:
    """Run one script, or write down why it cannot be run."""
    missing = missing_data(job, arguments.data)
    if missing:
        print(missing)
        keep(name, [figure(NOT_RUN, name, "figures", None, note=missing)])
        return True
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    command += ["--quick"] * arguments.quick
    command += ["--data", arguments.data] if job.data else []
    backends = BACKENDS if job.per_backend else (job.backend,)
    codes = [
        subprocess.run(
            command, env={**os.environ, "KERAS_BACKEND": backend}, check=False
        ).returncode
        for backend in backends
    ]
    return not any(codes)


def missing_data(job: Job, data: str | None) -> str | None:
    """Why a script's data is not there, if so."""
    if not job.data:
        return None
    if not data:
        return "no folder of data was named"
    absent = [name for name in job.data if not (Path(data) / name).is_dir()]
    return f"no data for {', '.join(absent)}" if absent else None


if __name__ == "__main__":
    main()
