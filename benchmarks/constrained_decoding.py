"""Cost of allowing only entries of a prefix tree.

- `build`: seconds and bytes a node of `Trie`, from 4 to 12 tokens a sequence,
  a vocabulary of 32,000, frequencies as in text, stems shared;
- `step`: seconds of one greedy step over random scores, without a constraint
  and with one, for sizes of tries and batches; and of Hugging Face's
  `prefix_allowed_tokens_fn` with a tree of dicts (where transformers and
  PyTorch are installed, up to 100,000 sequences);
- `decoder`: seconds of one step of a decoder of GPT-2 small's size in the same
  process, with and without the constraint.

    python -m benchmarks.constrained_decoding [--backends jax torch tensorflow]

JAX and TensorFlow run compiled, PyTorch eagerly. Variants take turns. Medians
of wall time are printed, and the least processor time of all threads: the
figure to compare on a machine that does other things too.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

from benchmarks._report import keep
from benchmarks._report import print_table

VOCABULARY = 32_000
END = 1


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--backends", nargs="+", default=["jax", "tensorflow", "torch"]
    )
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[10_000, 1_000_000, 5_000_000]
    )
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 64, 512])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument(
        "--decoder", action=argparse.BooleanOptionalAction, default=True
    )
    parser.add_argument("--job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        for row in work(arguments):
            print(json.dumps(row), flush=True)
        return
    rows = rows_of(arguments.backends[0], "build")
    for backend in arguments.backends:
        rows += rows_of(backend, "step")
        rows += rows_of(backend, "decoder") if arguments.decoder else []
    show(rows)
    print(f"kept in {keep('constrained_decoding', rows)}")


def rows_of(backend, job):
    """Run one job on one backend in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.constrained_decoding"]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    environment["KERAS_BACKEND"] = backend
    done = subprocess.run(
        [*command, *sys.argv[1:], "--job", job],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = [x for x in done.stdout.splitlines() if x.startswith("{")]
    return [{"backend": backend, **json.loads(line)} for line in lines]


def work(arguments):
    """Rows of one job on this process's backend."""
    from benchmarks import _constrained_steps as steps

    if arguments.job == "build":
        for size in arguments.sizes:
            yield from steps.build_rows(size)
        return
    for size in arguments.sizes:
        trie = steps.make_trie(size)
        for batch in arguments.batches:
            if arguments.job == "decoder" and batch != 64:
                continue
            variants = steps.variants(arguments.job, trie, batch)
            yield from timed(arguments, size, batch, variants)


def timed(arguments, size, batch, variants):
    """One row for each variant; one that is missing says why."""
    missing = {k: v for k, v in variants.items() if isinstance(v, str)}
    present = {k: v for k, v in variants.items() if k not in missing}
    taken = {name: [] for name in present}
    for repeat in range(arguments.repeats + 1):
        for name, step in present.items():
            started, busy = time.perf_counter(), time.process_time()
            step()
            wall = time.perf_counter() - started
            if repeat:  # The first compiles.
                taken[name].append((wall, time.process_time() - busy))
    common = {"job": arguments.job, "size": size, "batch": batch}
    for name, pairs in taken.items():
        wall, busy = zip(*pairs, strict=True)
        yield {
            **common,
            "variant": name,
            "seconds": statistics.median(wall),
            "spread": max(wall) - min(wall),
            "cpu_seconds": min(busy),
        }
    for name, reason in missing.items():
        yield {**common, "variant": name, "not_run": reason}


def show(rows):
    """Print the table of builds and that of steps."""
    table = [
        [
            f"{row['size']:,} sequences, {row['variant']}",
            f"{row['seconds']:.2f}",
            f"{row['cpu_seconds']:.2f}",
            f"{row['nodes']:,}",
            f"{row['bytes'] / row['nodes']:.2f}",
        ]
        for row in rows
        if row["job"] == "build"
    ]
    print_table(["build", "s", "CPU s", "nodes", "bytes / node"], table)
    table = []
    for row in rows:
        if row["job"] == "build":
            continue
        cells = [
            f"{row['backend']}, {row['job']}, {row['size']:,} sequences, "
            f"batch {row['batch']}, {row['variant']}"
        ]
        if "not_run" in row:
            table.append([*cells, f"not run: {row['not_run']}", "", ""])
            continue
        alone = next(
            r["cpu_seconds"]
            for r in rows
            if r["job"] == row["job"]
            and r["variant"] == "alone"
            and all(r[k] == row[k] for k in ("backend", "size", "batch"))
        )
        added = row["cpu_seconds"] - alone
        cells += [f"{1e3 * row[k]:.3g}" for k in ("seconds", "cpu_seconds")]
        table.append([*cells, f"{1e3 * added:+.3g}"])
    print()
    print_table(["step", "median ms", "least CPU ms", "− alone"], table)


if __name__ == "__main__":
    main()
