"""Cost of allowing only entries of a prefix tree.

- `build`: time, memory and bytes a node of `Trie` from 4 to 12 tokens a
  sequence, a vocabulary of 32,000, frequencies as in text, stems shared; and
  beside STATIC's builder, on sequences of one length;
- `step`: what a constraint adds to a greedy step over random scores, for sizes
  of tries and batches; Hugging Face's `prefix_allowed_tokens_fn` with a tree of
  dicts, on PyTorch, after so many tokens: its cost is that of listing a node's
  children, and the first nodes have the most; STATIC's kernel, on its own task;
- `decoder`: a step of a decoder of GPT-2 small's size, with and without;
- `generate`: whole calls of `generate` of a tiny model with small and large
  tries, and with the tables where each call would copy them.

    python -m benchmarks.constrained_decoding [--backends jax torch tensorflow]

JAX and TensorFlow run compiled, PyTorch eagerly. Variants take turns; medians
are given of the time, with half the range between quartiles, and of the time of
the processor, which other processes disturb less: what a constraint adds is
told by it. STATIC
(https://arxiv.org/abs/2602.22647) runs where `--static` names a clone of
https://github.com/youtube/static-constraint-decoding. Peaks of memory are read
from Linux. Tries are kept in a temporary folder, or in `--tries`.
"""

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks._processes import lines_of
from benchmarks._report import keep
from benchmarks._tables import show

JOBS = ("build", "step", "decoder", "generate")


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
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=[*JOBS])
    parser.add_argument("--static", help="a clone of STATIC's repository")
    parser.add_argument("--tries", help="folder that tries are kept in")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.sizes, arguments.batches = [1_000, 100_000], [1, 64]
        arguments.repeats = 3
        # What a constraint adds to a decoder takes long to tell from nothing.
        arguments.jobs = [job for job in arguments.jobs if job != "decoder"]
    if arguments.job:
        for row in work(arguments):
            print(json.dumps(row), flush=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        arguments.tries = arguments.tries or folder
        for job in arguments.jobs:
            backends = arguments.backends[: 1 if job == "build" else None]
            for backend in backends:
                rows = lines_of(
                    "constrained_decoding",
                    backend,
                    "--job",
                    job,
                    "--tries",
                    arguments.tries,
                )
                show(rows)
                print(f"kept in {keep('constrained_decoding', rows)}")


def work(arguments):
    """Rows of one job on this process's backend."""
    from benchmarks import _constrained_builds as builds
    from benchmarks import _constrained_callback as callback
    from benchmarks import _constrained_peers as peers
    from benchmarks import _constrained_steps as steps

    if arguments.job == "build":
        yield from builds.rows(arguments.sizes, arguments.static)
        return
    folder = Path(arguments.tries)
    tries = {n: builds.kept_trie(n, folder) for n in arguments.sizes}
    repeats = arguments.repeats
    if arguments.job == "step":
        for batch in arguments.batches:
            yield from steps.step_rows(tries, batch, repeats)
        yield from callback.rows(tries, repeats)
        yield from peers.static_rows(arguments.static, arguments.quick, repeats)
    elif arguments.job == "decoder":
        yield from steps.decoder_rows(tries, repeats, arguments.quick)
    else:
        yield from steps.generate_rows(tries, repeats)


if __name__ == "__main__":
    main()
