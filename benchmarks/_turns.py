"""Times of functions that take turns, and figures of them."""

import time
from typing import NamedTuple

import keras
import numpy as np

from benchmarks._report import figure


class Times(NamedTuple):
    """Milliseconds: median, half the quartiles' range, of the processor."""

    wall: float
    spread: float
    processor: float


def timed(steps, repeats):
    """Times of each step, taking turns."""
    taken = {name: [] for name in steps}
    for repeat in range(repeats + 1):
        for name, step in steps.items():
            started, busy = time.perf_counter(), time.process_time()
            step()
            pair = time.perf_counter() - started, time.process_time() - busy
            if repeat:  # The first compiles.
                taken[name].append(pair)
    found = {}
    for name, pairs in taken.items():
        wall, processor = 1e3 * np.array(pairs).T
        spread = float(np.subtract(*np.quantile(wall, [0.75, 0.25]))) / 2
        median = float(np.median(wall))
        found[name] = Times(median, spread, float(np.median(processor)))
    return found


def figures(title, found, own=None, column="", label="{}"):
    """Wall and processor time of each row, and ratios to one of them."""
    made = []
    for name, times in found.items():
        peer = own if own and own != name else None
        for kind, spread in (("wall", times.spread), ("processor", None)):
            value = getattr(times, kind)
            ratio = value / getattr(found[peer], kind) if peer else None
            row, heading = label.format(name), f"{column} {kind}".strip()
            made.append(
                figure(
                    title,
                    row,
                    heading,
                    value,
                    "ms",
                    spread=spread,
                    peer=peer,
                    ratio=ratio,
                )
            )
    return made


def runner(function, inputs):
    """Run to the end, compiled but on PyTorch."""
    backend = keras.config.backend()
    if backend == "jax":
        import jax

        compiled = jax.jit(function)
        return lambda: jax.block_until_ready(compiled(*inputs))
    if backend == "tensorflow":
        import tensorflow as tf

        compiled = tf.function(function, jit_compile=True)
        return lambda: [x.numpy() for x in compiled(*inputs)]
    import torch

    def run():
        with torch.no_grad():
            return [x.cpu() for x in function(*inputs)]

    return run
