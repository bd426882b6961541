"""Time and memory of the span loss: factors against dense scores.

Loss and gradient with respect to the factors of the scores, at one batch size,
length and number of types:

- `factored`: `SpanCrossentropy` on the factors;
- `dense`: the scores built from the factors, `SpanCrossentropy` on them;
- `published`: the same scores, the zlpr loss as it is published, a 0/1 label
  for each of types × length² pairs;

and a training step of a 6-layer, 384-wide encoder with 200 predicates (entity,
head and tail scorers), beside the encoder's alone.

    python -m benchmarks.span_loss [--backends jax torch tensorflow]

JAX and TensorFlow run compiled, PyTorch eagerly. Variants take turns, medians
are printed. Memory is measured in another process: on JAX what the compiled
step asks for, on TensorFlow the peak of its allocator, on PyTorch the peak of
the resident set beyond what was there before (Linux). Of training steps it is
the peak of the whole process, compiler and library included.
"""

import argparse
import json
import statistics
import time
import warnings

from benchmarks._processes import lines_of
from benchmarks._report import figure
from benchmarks._report import keep
from benchmarks._tables import show

VARIANTS = ("factored", "dense", "published")
STEPS = ("encoder", "with heads")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--backends", nargs="+", default=["jax", "tensorflow", "torch"]
    )
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--types", type=int, nargs="+", default=[10, 50, 200])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument(
        "--gigabytes",
        type=float,
        default=8.0,
        help="dense variants that would take more are left out",
    )
    parser.add_argument(
        "--encoder", action=argparse.BooleanOptionalAction, default=True
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.batch, arguments.length, arguments.types = 2, 256, [10, 50]
        arguments.repeats, arguments.encoder = 3, False
    if arguments.job:
        work(arguments)
        return
    rows = []
    for backend in arguments.backends:
        jobs = ["times", "memory"]
        jobs += ["steps", *STEPS] if arguments.encoder else []
        found = [row for job in jobs for row in rows_of(backend, job)]
        rows += figures(merged(found))
    show(rows)
    print(f"kept in {keep('span_loss', rows)}")


def rows_of(backend, job):
    """Run one job on one backend in a process of its own."""
    from benchmarks._gradient_step import MEMORY_ENVIRONMENT

    timed = job in ("times", "steps")
    environment = {} if timed else MEMORY_ENVIRONMENT
    lines = lines_of("span_loss", backend, "--job", job, **environment)
    return [{"backend": backend, **line} for line in lines]


def work(arguments):
    """Do a job on this process's backend and print a JSON line a row."""
    warnings.filterwarnings("ignore", message="Gradients do not exist")
    if arguments.job == "times":
        rows = (r for n in arguments.types for r in times(arguments, n))
    elif arguments.job == "memory":
        rows = (r for n in arguments.types for r in memory(arguments, n))
    elif arguments.job == "steps":
        rows = step_times(arguments)
    else:
        rows = step_memory(arguments)
    for row in rows:
        print(json.dumps(row), flush=True)


def steps_of(arguments, num_types):
    """The variants that fit, compiled."""
    from benchmarks._gradient_step import gradient_step
    from benchmarks._span_losses import losses
    from benchmarks._span_losses import make_batch

    batch, length = arguments.batch, arguments.length
    labels, packed = make_batch(batch, length, num_types)
    fits = 9 * 4 * batch * num_types * length**2 < arguments.gigabytes * 2**30
    made = losses(labels, length, num_types)
    for name in VARIANTS if fits else VARIANTS[:1]:
        yield name, gradient_step(made[name], packed)


def times(arguments, num_types):
    """Rows of medians for one number of types."""
    steps = dict(steps_of(arguments, num_types))
    losses = {name: step.run() for name, step in steps.items()}
    taken = take_turns(
        {name: step.run for name, step in steps.items()}, arguments.repeats
    )
    for name in steps:
        row = {"types": num_types, "variant": name, "loss": losses[name]}
        yield {**row, **taken[name]}


def memory(arguments, num_types):
    """Rows of peaks for one number of types."""
    for name, step in steps_of(arguments, num_types):
        yield {"types": num_types, "variant": name, "peak_gib": step.peak()}


def step_times(arguments):
    """Rows of medians for the training steps."""
    from benchmarks._span_steps import PREDICATES
    from benchmarks._span_steps import training_step

    steps = {
        name: training_step(name, arguments.batch, arguments.length)
        for name in STEPS
    }
    for step in steps.values():
        step()
    taken = take_turns(steps, max(arguments.repeats // 2, 3))
    for name in STEPS:
        yield {"types": PREDICATES, "variant": name, **taken[name]}


def step_memory(arguments):
    """The row of the peak of this process, which takes two steps."""
    from benchmarks._gradient_step import resident_gib
    from benchmarks._span_steps import PREDICATES
    from benchmarks._span_steps import training_step

    step = training_step(arguments.job, arguments.batch, arguments.length)
    step()
    step()
    peak = resident_gib("VmHWM")
    yield {"types": PREDICATES, "variant": arguments.job, "peak_gib": peak}


def take_turns(steps, repeats):
    """Median and spread of the seconds of each step."""
    seconds = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            # Once untimed: what ran before has taken the caches, and the
            # memory it gives back is given back now.
            step()
            started = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - started)
    return {
        name: {
            "seconds": statistics.median(all_),
            "spread": max(all_) - min(all_),
        }
        for name, all_ in seconds.items()
    }


def merged(rows):
    """One row for each backend, number of types and variant."""
    whole = {}
    for row in rows:
        key = row["backend"], row["types"], row["variant"]
        whole.setdefault(key, {}).update(row)
    return list(whole.values())


def figures(rows):
    """The figures of a backend's measurements."""
    for variants, title in (
        (VARIANTS, "Span loss and gradient"),
        (STEPS, "Training step of an encoder with 200 predicates"),
    ):
        mine = [row for row in rows if row["variant"] in variants]
        first = {r["types"]: r for r in reversed(mine)}
        for row in mine:
            for column, key, unit, scale in (
                ("time", "seconds", "ms", 1e3),
                ("peak memory", "peak_gib", "GiB", 1.0),
            ):
                yield figure(
                    title,
                    f"{row['types']} types, {row['variant']}",
                    column,
                    scale * row[key],
                    unit,
                    peer=variants[0],
                    ratio=row[key] / first[row["types"]][key],
                    backend=row["backend"],
                )


if __name__ == "__main__":
    main()
