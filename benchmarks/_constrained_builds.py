"""Building prefix trees: data, time and memory."""

import contextlib
import time
from pathlib import Path

import numpy as np

from benchmarks._constrained_peers import static_module
from benchmarks._report import figure
from keras_tricks.samplers import Trie

VOCABULARY = 32_000
TITLE = "Building a prefix tree"


def zipf(size, rng, vocabulary=VOCABULARY):
    """Tokens from 2 on, the n-th with a frequency of 1 / n."""
    frequency = 1 / np.arange(2, vocabulary)
    return 2 + rng.choice(
        vocabulary - 2, size, p=frequency / frequency.sum()
    ).astype("int32")


def make_rows(size, shortest=4, longest=12):
    """Token rows of Zipf's frequencies; half share their first tokens."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(shortest, longest + 1, size)
    flat = zipf(int(lengths.sum()), rng)
    starts = np.cumsum(lengths) - lengths
    shared = np.flatnonzero(rng.random(size) < 0.5)
    stem = starts[rng.integers(0, max(size // 20, 1), shared.size)]
    for n in range(3):
        flat[starts[shared] + n] = flat[stem + n]
    return np.split(flat, starts[1:])


def kept_trie(size, folder):
    """The trie of so many sequences, from a file if it is there."""
    path = Path(folder) / f"{size}.npz"
    if not path.exists():
        Trie(make_rows(size)).save(path)
    return Trie.load(path)


def resident(kind):
    """Megabytes of this process: `VmRSS` now, `VmHWM` at their highest."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return float("nan")
    (line,) = (x for x in lines if x.startswith(kind))
    return int(line.split()[1]) / 1024


def measured(build):
    """What a function gives, its seconds and its peak of megabytes."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # The peak starts anew.
    before, started = resident("VmRSS"), time.perf_counter()
    result = build()
    seconds = time.perf_counter() - started
    return result, seconds, resident("VmHWM") - before


def trie_figures(name, rows):
    """Figures of `Trie` on some rows."""
    trie, seconds, peak = measured(lambda: Trie(rows))
    tree = trie.tokens.nbytes + trie.first_child.nbytes
    return [
        figure(TITLE, name, "time", seconds, "s"),
        figure(TITLE, name, "peak of memory", peak, "MB"),
        figure(TITLE, name, "tree", tree / 1e6, "MB"),
        figure(TITLE, name, "nodes", trie.num_nodes),
        figure(TITLE, name, "a node", tree / trie.num_nodes, "bytes"),
    ]


def rows(sizes, static):
    """Figures of every build."""
    made = []
    for size in sizes:
        arrays = make_rows(size)
        name = f"{size:,} sequences of 4 to 12 tokens"
        made += trie_figures(f"{name}, arrays", arrays)
        if size <= 1_000_000:
            lists = [row.tolist() for row in arrays]
            made += trie_figures(f"{name}, lists", lists)
    size = min(1_000_000, max(sizes))
    for vocabulary, layers in ((2048, 2), (VOCABULARY, 1)):
        made += fixed_length(size, vocabulary, layers, static)
    return made


def fixed_length(size, vocabulary, layers, static):
    """Both builders on sequences of eight tokens."""
    rng = np.random.default_rng(0)
    table = rng.integers(0, vocabulary, (size, 8), dtype="int32")
    name = f"{size:,} × 8 of {vocabulary:,} tokens"
    made = trie_figures(f"{name}, Trie", table)
    peer = f"{name}, STATIC"
    module = static_module(static, "csr_utils")
    if isinstance(module, str):
        return [*made, figure(TITLE, peer, "time", None, note=module)]

    def build():
        ordered = table[np.lexsort(table.T[::-1])]
        return module.build_static_index(ordered, vocabulary, layers)

    index, seconds, peak = measured(build)
    tables = sum(x.nbytes for x in index if isinstance(x, np.ndarray)) / 1e6
    ratio = seconds / made[0]["value"]
    return [
        *made,
        figure(TITLE, peer, "time", seconds, "s", peer="Trie", ratio=ratio),
        figure(TITLE, peer, "peak of memory", peak, "MB"),
        figure(TITLE, peer, "tree", tables, "MB", dense_layers=layers),
    ]
