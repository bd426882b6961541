"""The measurements of `benchmarks.gan`, on the running backend."""

import statistics
import time

import keras

from benchmarks._gan_distances import BATCH
from benchmarks._gan_distances import SHAPE as SMALL
from benchmarks._gan_distances import WIDTH
from benchmarks._gan_distances import curves as train
from benchmarks._gan_steps import LITERAL
from benchmarks._gan_steps import METHODS
from benchmarks._gan_steps import training_step
from benchmarks.gan import SHAPE

JIT = keras.config.backend() != "torch"


def times(arguments, _):
    """Median milliseconds of whole steps; methods take turns."""
    literal = [] if JIT or arguments.methods else [LITERAL]
    steps = {
        name: training_step(name, SHAPE, arguments.batch, arguments.width, JIT)
        for name in [*(arguments.methods or METHODS), *literal]
    }
    yield from taken(steps, arguments.repeats)


def small_times(arguments, _):
    """The same, of the nets whose distances are measured."""
    steps = {
        name: training_step(name, SMALL, BATCH, WIDTH, JIT)
        for name in arguments.methods or METHODS
    }
    yield from taken(steps, 10 * arguments.repeats)


def taken(steps, repeats):
    """Rows of medians; the first two turns compile."""
    spent = {name: {"cpu": [], "wall": []} for name in steps}
    for turn in range(repeats + 2):
        for name, step in steps.items():
            before = time.process_time(), time.perf_counter()
            step()
            if turn >= 2:
                now = time.process_time(), time.perf_counter()
                spent[name]["cpu"].append(1e3 * (now[0] - before[0]))
                spent[name]["wall"].append(1e3 * (now[1] - before[1]))
    for name, lists in spent.items():
        row = {"method": name}
        for key, values in lists.items():
            middle = statistics.quantiles(values, n=4)
            row |= {
                key: statistics.median(values),
                f"{key}_spread": (middle[2] - middle[0]) / 2,
            }
        yield row


def memory(arguments, method):
    """The peak of this process, which takes three steps."""
    from benchmarks._gradient_step import resident_gib

    step = training_step(method, SHAPE, arguments.batch, arguments.width, JIT)
    for _ in range(3):
        step()
    yield {"gib": resident_gib("VmHWM")}


def curves(arguments, _):
    """Distances on the way, for each method and seed."""
    methods = arguments.methods or METHODS
    for method, seed, points in train(
        methods, arguments.steps, arguments.seeds, JIT
    ):
        yield {"method": method, "seed": seed, "points": points}


def derivatives(arguments, _):
    """The relative error of second derivatives through each layer."""
    from tests.checks.float64 import in_float64
    from tests.checks.second_derivatives import LAYERS
    from tests.checks.second_derivatives import second_derivative_error

    names = list(LAYERS)[::6] if arguments.quick else list(LAYERS)
    for name in names:
        with in_float64():
            yield {
                "layer": name,
                "error": second_derivative_error(*LAYERS[name]),
            }
