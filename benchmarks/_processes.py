"""A part of a benchmark, in a process of its own."""

import json
import os
import subprocess
import sys


def lines_of(
    name: str, backend: str, *arguments: str, **environment: str
) -> list[dict]:
    """Run a benchmark once more on a backend, and read what it prints.

    It is given the arguments of this process, and `arguments` after them. Of
    its output the lines that are JSON objects are read.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:], *arguments],
        env={
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **os.environ,
            **environment,
            "KERAS_BACKEND": backend,
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]
