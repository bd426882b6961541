"""Time, memory and accuracy of CoSENT: sorted sums against all pairs.

Loss and gradient with respect to the similarities, for batches of pairs of
texts with six labels:

- `ours`: `keras_tricks.losses.CoSENT`;
- `literal`: the table of all pairs of rows, in the same backend;
- `sentence-transformers`: its `CoSENTLoss`, on PyTorch, if it is installed
  (`pip install sentence-transformers`, for this benchmark alone).

    python -m benchmarks.cosent [--modes jax tensorflow-jit tensorflow torch]

Each mode runs in a process of its own: JAX compiled, TensorFlow with and
without XLA, PyTorch eagerly on one thread. Variants take turns; medians are
printed, of the time and of the processor time, which other processes disturb
less. Memory is, on PyTorch, the peak of the resident set during a step beyond
what was resident before it (Linux), and on JAX what XLA says that the compiled
step needs beside its inputs. The differences are relative, to float64 on the
same float32 inputs: of the loss, and the largest of the gradient by its largest
entry. Rows marked `× 1e4` have similarities up to ten thousand.
"""

import argparse
import json
import statistics
import time

from benchmarks._processes import lines_of

MODES = ("jax", "tensorflow-jit", "tensorflow", "torch")
SIZES = (64, 1024, 8192, 65_536, 1_048_576)
LARGEST_TABLE = 8192
PEER = "sentence-transformers"


def make_batch(rows, spread):
    import numpy as np

    rng = np.random.default_rng(0)
    label = rng.integers(0, 6, rows).astype("float32")
    noise = rng.normal(size=rows)
    score = spread * np.tanh(0.2 * label - 0.5 + 0.5 * noise)
    return label, score.astype("float32")


def in_float64(label, score, scale=20.0):
    """Loss and gradient from sorted rows, in float64 on NumPy."""
    import numpy as np

    order = np.argsort(label, kind="stable")
    y, x = label[order], scale * score[order].astype("float64")
    first = np.searchsorted(y, y, side="left")
    after = np.searchsorted(y, y, side="right")
    nothing = np.array([-np.inf])
    below = np.concatenate([nothing, np.logaddexp.accumulate(x)])[first]
    above = np.logaddexp.accumulate(-x[::-1])[::-1]
    above = np.concatenate([above, nothing])[after]
    loss = np.logaddexp.reduce(np.concatenate([[0.0], x + above]))
    gradient = np.empty(len(y))
    gradient[order] = np.exp(x + above - loss) - np.exp(below - x - loss)
    return loss, scale * gradient


def literal(label, score):
    """All pairs, as the loss is usually written."""
    from keras import ops

    gap = 20.0 * (score[:, None] - score[None, :])
    gap = ops.where(label[:, None] < label[None, :], gap, -1e12)
    gap = ops.reshape(gap, (-1,))
    return ops.logsumexp(ops.concatenate([ops.zeros((1,)), gap]))


def peer():
    """The loss of sentence-transformers on scores, or None."""
    try:
        from sentence_transformers.sentence_transformer.losses import CoSENTLoss
    except ImportError:
        return None
    loss = CoSENTLoss(None, similarity_fct=lambda score, _: score)
    return lambda label, score: loss.compute_loss_from_embeddings(
        (score, score), label
    )


def compiled(mode, function, label, score):
    """A step to call, and the MiB it needs where XLA says so."""
    if mode == "jax":
        import jax

        step = jax.jit(jax.value_and_grad(function, argnums=1))
        step = step.lower(label, score).compile()
        memory = step.memory_analysis()
        needed = memory.temp_size_in_bytes + memory.output_size_in_bytes
        label, score = jax.numpy.asarray(label), jax.numpy.asarray(score)
        return lambda: jax.block_until_ready(step(label, score)), needed / 2**20
    if mode.startswith("tensorflow"):
        import tensorflow as tf

        @tf.function(jit_compile=mode.endswith("jit"))
        def step(label, score):
            with tf.GradientTape() as tape:
                tape.watch(score)
                value = function(label, score)
            return value, tf.convert_to_tensor(tape.gradient(value, score))

        label, score = tf.constant(label), tf.constant(score)
        return lambda: [x.numpy() for x in step(label, score)], None
    import torch

    label, score = torch.tensor(label), torch.tensor(score)

    def step():
        leaf = score.clone().requires_grad_()
        value = function(label, leaf)
        value.backward()
        return value.detach(), leaf.grad

    return step, None


def run_for(step, seconds):
    """Times (and processor times) of a step, called until `seconds` are spent.

    Once at least.
    """
    times = []
    while sum(wall for wall, _ in times) < seconds or not times:
        started = time.perf_counter(), time.process_time()
        step()
        ended = time.perf_counter(), time.process_time()
        times.append((ended[0] - started[0], ended[1] - started[1]))
    return times


def measure(mode, variants, rows, spread, rounds):
    """A row for each variant, the variants taking turns."""
    import numpy as np

    from benchmarks._gradient_step import resident_peak

    label, score = make_batch(rows, spread)
    loss, gradient = in_float64(label, score)
    steps, found, times = {}, [], {name: [] for name in variants}
    for name, function in variants.items():
        step, needed = compiled(mode, function, label, score)
        value, slope = (np.asarray(x, "float64") for x in step())
        steps[name] = step
        if mode == "torch":
            needed = 1024 * resident_peak(step)
        found.append(
            {
                "rows": rows,
                "spread": spread,
                "variant": name,
                "peak_mib": needed,
                "loss_error": abs(float(value) / loss - 1),
                "gradient_error": float(
                    abs(slope - gradient).max() / abs(gradient).max()
                ),
            }
        )
    for _ in range(rounds):
        for name, step in steps.items():
            times[name] += run_for(step, 0.1)
    for row in found:
        wall, processor = zip(*times[row["variant"]], strict=True)
        row["seconds"] = statistics.median(wall)
        row["processor_seconds"] = statistics.median(processor)
        row["runs"] = len(wall)
    return found


def work(arguments):
    """Measure in this process and print a JSON line a row."""
    import warnings

    from keras_tricks.losses import CoSENT

    # NumPy 2 asks for a `copy` argument that tensors of PyTorch lack.
    warnings.filterwarnings("ignore", message="__array__ implementation")
    mode = arguments.worker
    everything = {"ours": CoSENT(), "literal": literal}
    other = peer() if mode == "torch" else None
    if other:
        everything[PEER] = other
    for rows, spread in [(1024, 1e4), *((n, 1.0) for n in arguments.sizes)]:
        variants = dict(everything)
        if rows > LARGEST_TABLE:
            del variants["literal"]
        for row in measure(mode, variants, rows, spread, arguments.rounds):
            print(json.dumps(row), flush=True)
    if mode == "torch" and not other:
        print(json.dumps({"variant": PEER, "not_run": "not installed"}))


def rows_of(mode):
    """Run the measurements of one mode in a process of its own."""
    environment = {}
    if mode == "torch":
        environment["OMP_NUM_THREADS"] = "1"
        # Large blocks go back to the system when they are freed, so that the
        # resident set is what is in use.
        environment["MALLOC_MMAP_THRESHOLD_"] = str(1 << 18)
    backend = mode.removesuffix("-jit")
    lines = lines_of("cosent", backend, "--worker", mode, **environment)
    return [{"mode": mode, "backend": backend, **line} for line in lines]


TITLE = "CoSENT: loss and gradient"


def figures(rows):
    """A row of figures for each of a mode's measurements."""
    from benchmarks._report import figure

    seconds = {
        (r["rows"], r["spread"], r["variant"]): r["processor_seconds"]
        for r in rows
        if "not_run" not in r
    }
    for row in rows:
        options = {"backend": row["backend"]}
        if "not_run" in row:
            note = row["not_run"]
            name = label(row["mode"], row["variant"], "")
            yield figure(TITLE, name, "CPU time", None, note=note, **options)
            continue
        key = row["rows"], row["spread"]
        size = f"{row['rows']:,} pairs" + (" × 1e4" if key[1] > 1 else "")
        name = label(row["mode"], row["variant"], size)
        ours = seconds[(*key, "ours")]
        yield figure(
            TITLE,
            name,
            "CPU time",
            1e3 * row["processor_seconds"],
            "ms",
            peer="ours",
            ratio=row["processor_seconds"] / ours,
            runs=row["runs"],
            **(place(row) if key[1] == 1.0 else {}),
            **options,
        )
        for column, field, unit, scale in (
            ("wall time", "seconds", "ms", 1e3),
            ("peak memory", "peak_mib", "MiB", 1.0),
            ("error of the loss", "loss_error", "relative", 1.0),
            ("error of the gradient", "gradient_error", "relative", 1.0),
        ):
            if row[field] is not None:
                value = scale * row[field]
                yield figure(TITLE, name, column, value, unit, **options)


def place(row):
    return {"x": row["rows"], "curve": label(row["mode"], row["variant"], "")}


def label(mode, variant, size):
    compiled = ", XLA" if mode.endswith("-jit") else ""
    return ", ".join(filter(None, [size, variant + compiled]))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--modes", nargs="+", default=MODES, choices=MODES)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--worker", choices=MODES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.sizes, arguments.rounds = [64, 1024], 2
    if arguments.worker:
        work(arguments)
        return
    from benchmarks._report import keep
    from benchmarks._tables import show

    rows = []
    for mode in arguments.modes:
        rows += figures(rows_of(mode))
    show(rows)
    print(f"kept in {keep('cosent', rows)}")


if __name__ == "__main__":
    main()
