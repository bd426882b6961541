"""Training steps of tiny models, compiled and not, with traces counted."""

import contextlib

import keras
import numpy as np


@contextlib.contextmanager
def counted_calls(cls, method="call"):
    """Count how often Python runs a method: when compiled, once per trace."""
    original = getattr(cls, method)
    calls = []

    def counting(self, *args, **kwargs):
        calls.append(1)
        return original(self, *args, **kwargs)

    setattr(cls, method, counting)
    try:
        yield calls
    finally:
        setattr(cls, method, original)


def check_training(make, x, y, watched, method="call"):
    """Train two steps with and without jit; nothing is traced twice.

    Args:
        make: Returns a compiled model, given `jit_compile`.
        x: Inputs of one batch.
        y: Labels of one batch.
        watched: Class whose `method` must run once per trace.
        method: Its name.
    """
    losses = []
    for jit_compile in compile_modes():
        keras.utils.set_random_seed(1)
        model = make(jit_compile)
        before = [np.array(w) for w in model.get_weights()]
        with counted_calls(watched, method) as calls:
            losses.append(step(model, x, y))
            first = len(calls)
            if jit_compile or keras.config.backend() == "tensorflow":
                step(model, x, y)
                step(model, x, y)
                assert len(calls) == first, "traced again on a later step"
        assert first > 0, f"{watched.__name__}.{method} did not run"
        after = model.get_weights()
        assert all(np.isfinite(w).all() for w in after)
        changed = [(a != b).any() for a, b in zip(before, after, strict=True)]
        assert any(changed)
    np.testing.assert_allclose(losses, losses[0], rtol=2e-3)


def compile_modes():
    """Values of `jit_compile`; PyTorch's compiler needs a C++ toolchain."""
    return (False,) if keras.config.backend() == "torch" else (False, True)


def step(model, x, y):
    logs = model.train_on_batch(x, y, return_dict=True)
    return float(logs["loss"])
