"""One step of a loss and its gradient, to be timed, and its peak memory.

Memory is measured in a process that is made for it (`MEMORY_ENVIRONMENT`),
apart from times: memory that goes back to the system at once is easy to
measure, and slow.
"""

from collections.abc import Callable
from typing import NamedTuple

import keras

MEMORY_ENVIRONMENT = {
    # Freed blocks leave the resident set, so that it is what is in use.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 18),
    # TensorFlow's CPU allocator that counts.
    "TF_CPU_ALLOCATOR_USE_BFC": "1",
}


class Step(NamedTuple):
    """`run()` returns the loss; `peak()` the GiB that a run needs."""

    run: Callable[[], float]
    peak: Callable[[], float]


def gradient_step(function, x) -> Step:
    """Compile loss and gradient at the array `x`; PyTorch runs eagerly."""
    makers = {"jax": _on_jax, "tensorflow": _on_tensorflow, "torch": _on_torch}
    step = makers[keras.config.backend()](function, x)
    step.run()
    return step


def _on_jax(function, x):
    import jax

    compiled = jax.jit(jax.value_and_grad(function)).lower(x).compile()
    x = jax.device_put(x)

    def peak():
        # What XLA will allocate beside the arguments.
        memory = compiled.memory_analysis()
        used = memory.temp_size_in_bytes + memory.output_size_in_bytes
        return used / 2**30

    return Step(
        lambda: float(jax.block_until_ready(compiled(x))[0]),
        peak,
    )


def _on_tensorflow(function, x):
    import tensorflow as tf

    x = tf.convert_to_tensor(x)

    @tf.function(jit_compile=True)
    def compiled():
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        return value, tf.convert_to_tensor(tape.gradient(value, x))

    def run():
        return float(compiled()[0])

    def peak():
        memory = tf.config.experimental
        memory.reset_memory_stats("CPU:0")
        before = memory.get_memory_info("CPU:0")["current"]
        run()
        return (memory.get_memory_info("CPU:0")["peak"] - before) / 2**30

    return Step(run, peak)


def _on_torch(function, x):
    x = keras.ops.convert_to_tensor(x).requires_grad_()

    def run():
        x.grad = None
        value = function(x)
        value.backward()
        return float(value.detach())

    return Step(run, lambda: resident_peak(run))


def resident_peak(run) -> float:
    """GiB of the resident set that a run adds to what was there (Linux)."""
    before = resident_gib("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # Start the high-water mark anew.
    run()
    return resident_gib("VmHWM") - before


def resident_gib(key) -> float:
    """`VmRSS` or, its highest, `VmHWM` of this process (Linux)."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith(key))
    return int(line.split()[1]) / 2**20
