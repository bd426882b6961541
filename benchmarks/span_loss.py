"""Time and memory of the span loss: factors against dense scores.

Loss and gradient with respect to the factors of the scores, at one batch size,
length and number of types:

- `factored`: `SpanCrossentropy` on the factors;
- `dense`: the scores built from the factors, `SpanCrossentropy` on them;
- `published`: the same scores, the zlpr loss as it is published, a 0/1 label
  for each of types × length² pairs.

and a training step of a 6-layer, 384-wide encoder with 200 predicates (entity,
head and tail scorers), beside the same step without them.

    python -m benchmarks.span_loss [--backends jax torch tensorflow]

Each backend runs in a process of its own; variants take turns, medians are
printed. Memory, on PyTorch alone, is the peak of the resident set during a step
beyond what was resident before it (Linux). JAX and TensorFlow run compiled,
PyTorch eagerly.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

VARIANTS = ("factored", "dense", "published")


def resident(key):
    """`VmRSS` or `VmHWM` of this process in GiB."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith(key))
    return int(line.split()[1]) / 2**20


def peak_of(step):
    """GiB that a step needs beyond what is resident before it, on PyTorch.

    None elsewhere: XLA keeps what it allocated while it compiled, and the
    resident set says nothing of a step.
    """
    import keras

    if keras.config.backend() != "torch":
        step()
        return None
    before = resident("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # Start the high-water mark anew.
    step()
    return resident("VmHWM") - before


def scores_from(packed, length):
    from keras import ops

    num_types = (packed.shape[-1] - length) // 2
    span = packed[:, None, :, :length]
    start = ops.swapaxes(packed[..., length : length + num_types], 1, 2)
    end = ops.swapaxes(packed[..., length + num_types :], 1, 2)
    return span + start[..., None] + end[:, :, None]


def losses(labels, length, num_types):
    """The variants, each from factors to a number."""
    import numpy as np
    from keras import ops

    from keras_tricks.losses import SpanCrossentropy

    loss = SpanCrossentropy()
    targets = np.zeros((len(labels), num_types, length, length), "float32")
    for row, spans in enumerate(labels):
        targets[(row, *spans[spans[:, 0] >= 0].T)] = 1

    def published(packed):
        shape = (len(labels), num_types, length * length)
        s = ops.reshape(scores_from(packed, length), shape)
        t = ops.reshape(ops.convert_to_tensor(targets), shape)
        positive = ops.where(t > 0, -s, -float("inf"))
        negative = ops.where(t > 0, -float("inf"), s)
        zero = ops.zeros_like(s[..., :1])
        return ops.mean(
            ops.logsumexp(ops.concatenate([zero, positive], -1), axis=-1)
            + ops.logsumexp(ops.concatenate([zero, negative], -1), axis=-1)
        )

    return {
        "factored": lambda packed: loss(labels, packed),
        "dense": lambda packed: loss(labels, scores_from(packed, length)),
        "published": published,
    }


def value_and_gradient(function, x):
    """A compiled step that returns the loss; JAX and TF compile here."""
    import keras

    if keras.config.backend() == "jax":
        import jax

        compiled = jax.jit(jax.value_and_grad(function))
        return lambda: float(jax.block_until_ready(compiled(x))[0])
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        x = tf.convert_to_tensor(x)

        @tf.function(jit_compile=True)
        def compiled():
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = function(x)
            return value, tf.convert_to_tensor(tape.gradient(value, x))

        return lambda: float(compiled()[0])
    x = keras.ops.convert_to_tensor(x).requires_grad_()

    def step():
        x.grad = None
        value = function(x)
        value.backward()
        return float(value.detach())

    return step


def make_batch(batch, length, num_types, num_spans=20):
    import numpy as np

    rng = np.random.default_rng(0)
    shape = (batch, length, length + 2 * num_types)
    packed = rng.normal(0, 2, size=shape).astype("float32")
    packed[..., :length] -= 8
    below = np.tril(np.ones((length, length), bool), -1)
    packed[..., :length] = np.where(below, -1e9, packed[..., :length])
    start = rng.integers(0, length - 8, (batch, num_spans))
    labels = np.stack(
        [
            rng.integers(0, num_types, start.shape),
            start,
            start + rng.integers(0, 8, start.shape),
        ],
        axis=-1,
    )
    return labels.astype("int32"), packed


def measure(arguments, num_types, variants):
    """Rows for one number of types, the variants taking turns."""
    labels, packed = make_batch(arguments.batch, arguments.length, num_types)
    made = losses(labels, arguments.length, num_types)
    steps = {name: value_and_gradient(made[name], packed) for name in variants}
    values, times = {}, {name: [] for name in variants}
    for name, step in steps.items():
        values[name] = step()  # Compiles.
    peaks = {name: peak_of(step) for name, step in steps.items()}
    for _ in range(arguments.repeats):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - started)
    return [
        {
            "types": num_types,
            "variant": name,
            "seconds": statistics.median(times[name]),
            "spread": max(times[name]) - min(times[name]),
            "peak_gib": peaks[name],
            "loss": values[name],
        }
        for name in variants
    ]


def encoder_steps(arguments):
    """A relation model's training step, and its encoder's alone."""
    import keras
    import keras_hub
    import numpy as np

    from keras_tricks.layers import EfficientGlobalPointer
    from keras_tricks.losses import SpanCrossentropy

    keras.utils.set_random_seed(0)
    predicates, length = 200, arguments.length
    rng = np.random.default_rng(0)
    ids = rng.integers(5, 1000, (arguments.batch, length))
    ones = np.ones_like(ids)
    x = {"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": ones}
    entities, _ = make_batch(arguments.batch, length, 2)
    links, _ = make_batch(arguments.batch, length, predicates)

    def model_of(with_heads):
        backbone = keras_hub.models.BertBackbone(
            1000, 6, 12, 384, 1536, 0.0, length
        )
        features = backbone.output["sequence_output"]
        if not with_heads:
            model = keras.Model(backbone.input, features)
            model.compile("sgd", "mse")
            return model, np.zeros((arguments.batch, length, 384), "float32")
        options = {"factored": True, "use_rotary": False, "ordered": False}
        outputs = {
            "entities": EfficientGlobalPointer(2, factored=True)(features),
            "heads": EfficientGlobalPointer(predicates, **options)(features),
            "tails": EfficientGlobalPointer(predicates, **options)(features),
        }
        model = keras.Model(backbone.input, outputs)
        model.compile("sgd", {n: SpanCrossentropy("sum") for n in outputs})
        return model, {"entities": entities, "heads": links, "tails": links}

    made = {"encoder": model_of(False), "with heads": model_of(True)}
    steps = {
        name: lambda m=model, y=y: float(
            np.ravel(np.asarray(m.train_on_batch(x, y)))[0]
        )
        for name, (model, y) in made.items()
    }
    for step in steps.values():
        step()
    peaks = {name: peak_of(step) for name, step in steps.items()}
    times = {name: [] for name in steps}
    for _ in range(max(arguments.repeats // 2, 3)):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - started)
    return [
        {
            "types": predicates,
            "variant": name,
            "seconds": statistics.median(times[name]),
            "peak_gib": peaks[name],
            "resident_gib": resident("VmRSS"),
        }
        for name in steps
    ]


def work(arguments):
    """Measure on this process's backend and print a JSON line a row."""
    import warnings

    warnings.filterwarnings("ignore", message="Gradients do not exist")
    for num_types in arguments.types:
        dense = 4 * arguments.batch * num_types * arguments.length**2 / 2**30
        fits = 9 * dense < arguments.gigabytes
        for row in measure(
            arguments, num_types, VARIANTS if fits else VARIANTS[:1]
        ):
            print(json.dumps(row), flush=True)
    if arguments.encoder:
        for row in encoder_steps(arguments):
            print(json.dumps(row), flush=True)


def rows_of(backend, argv):
    """Run the measurements of one backend in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.span_loss", "--worker", *argv]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Large blocks go back to the system when they are freed, so that the
    # resident set is what is in use.
    environment["MALLOC_MMAP_THRESHOLD_"] = str(1 << 18)
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    lines = [x for x in done.stdout.splitlines() if x.startswith("{")]
    return [{"backend": backend, **json.loads(line)} for line in lines]


def shown(peak, other=1.0):
    """A peak, or its ratio to another; a dash where there is none."""
    return "–" if peak is None else f"{peak / other:.3g}"


def show(rows):
    """Print the two tables."""
    from benchmarks._report import print_table

    first = {(r["backend"], r["types"], r["variant"]): r for r in rows}
    table = []
    for (backend, types, variant), row in first.items():
        if variant in VARIANTS:
            ours = first[backend, types, "factored"]
            table.append(
                [
                    f"{backend}, {types} types, {variant}",
                    f"{1e3 * row['seconds']:.1f}",
                    f"{row['seconds'] / ours['seconds']:.1f}",
                    shown(row["peak_gib"]),
                    shown(row["peak_gib"], ours["peak_gib"]),
                    f"{row['loss']:.5f}",
                ]
            )
    header = ["loss and gradient", "ms", "/ ours", "peak GiB", "/ ours", "loss"]
    print_table(header, table)
    steps = [
        [
            f"{row['backend']}, {row['variant']}",
            f"{row['seconds']:.2f}",
            shown(row["peak_gib"]),
            f"{row['resident_gib']:.2f}",
        ]
        for row in rows
        if row["variant"] not in VARIANTS
    ]
    if steps:
        print()
        header = ["training step, 200 predicates", "s", "peak GiB", "resident"]
        print_table(header, steps)


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
    parser.add_argument("--gigabytes", type=float, default=8.0)
    parser.add_argument(
        "--encoder", action=argparse.BooleanOptionalAction, default=True
    )
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments)
        return
    argv = [f"--batch={arguments.batch}", f"--length={arguments.length}"]
    argv += [f"--repeats={arguments.repeats}"]
    argv += [f"--gigabytes={arguments.gigabytes}"]
    argv += ["--types", *map(str, arguments.types)]
    argv += ["--encoder" if arguments.encoder else "--no-encoder"]
    rows = []
    for backend in arguments.backends:
        rows += rows_of(backend, argv)
        show([row for row in rows if row["backend"] == backend])
        print(flush=True)
    from benchmarks._report import keep

    print(f"kept in {keep('span_loss', rows)}")


if __name__ == "__main__":
    main()
