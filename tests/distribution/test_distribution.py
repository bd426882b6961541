"""Many devices end where one does, with the engine that each backend has.

JAX: `keras.distribution` over eight virtual devices; TensorFlow: a
`MirroredStrategy` over two logical CPUs; PyTorch: `DistributedDataParallel`
over two processes. Each way is one subprocess, as devices are chosen before a
backend starts; it trains every case of `tests/checks/trainings.py`.
"""

import functools
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.checks.trainings import CASES

pytestmark = pytest.mark.slow

BACKEND = keras.config.backend()
ON_MANY = {
    "jax": ("data_parallel", "model_parallel"),
    "tensorflow": ("mirrored",),
    "torch": ("processes",),
}[BACKEND]
# Rows meet in these, and on TensorFlow and PyTorch only those of a replica.
MEET_IN_A_REPLICA = ("angle", "cosent", "simcse")
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """From the name of a way to the numbers that its trainings end with."""
    return functools.cache(lambda way: run(way, tmp_path_factory.mktemp(way)))


def run(way, folder):
    """The numbers of every process."""
    arguments = [[]]
    if way == "processes":
        arguments = [[str(rank), str(folder / "meet")] for rank in range(2)]
    command = [sys.executable, "-m", "tests.distribution.train", way]
    children = [
        subprocess.Popen(
            [*command, str(folder / f"{n}.npz"), *more],
            env={**os.environ, "KERAS_BACKEND": BACKEND},
            stderr=subprocess.PIPE,
            text=True,
        )
        for n, more in enumerate(arguments)
    ]
    for child in children:
        _, errors = child.communicate(timeout=1200)
        assert child.returncode == 0, errors[-3000:]
    return [read(folder / f"{n}.npz") for n in range(len(children))]


def read(path):
    with np.load(path) as file:
        return dict(file)


def assert_alike(found, expected, case, parts=("weight", "log")):
    names = [
        name
        for name in expected
        if name.split(": ")[0] == case and name.split(": ")[1].startswith(parts)
    ]
    assert names
    for name in names:
        np.testing.assert_allclose(
            found[name],
            expected[name],
            rtol=TOLERANCE,
            atol=TOLERANCE,
            err_msg=name,
        )


@pytest.mark.parametrize("way", ON_MANY)
@pytest.mark.parametrize("case", CASES)
def test_training_ends_where_it_does_on_one_device(case, way, ended):
    alone = BACKEND != "jax" and case in MEET_IN_A_REPLICA
    (expected,) = ended("halves" if alone else "single")
    # Loops over processes keep no logs.
    parts = ("weight",) if way == "processes" else ("weight", "log")
    for found in ended(way):
        assert_alike(found, expected, case, parts)


@pytest.mark.skipif(BACKEND == "jax", reason="JAX has no replicas")
@pytest.mark.parametrize("case", MEET_IN_A_REPLICA)
def test_rows_of_other_replicas_count(case, ended):
    """What a replica leaves out is not nothing."""
    (alone,), (whole,) = ended("halves"), ended("single")
    with pytest.raises(AssertionError):
        assert_alike(alone, whole, case)


@pytest.mark.skipif(BACKEND != "jax", reason="only JAX divides single weights")
@pytest.mark.parametrize("case", CASES)
def test_the_slots_of_a_divided_kernel_are_divided(case, ended):
    (found,) = ended("model_parallel")
    kernels, slots, divided = found[f"slots of {case}"]
    assert kernels == 1
    assert divided == slots
    if case in SLOTS:
        assert slots == SLOTS[case]


# Adam's two; the mask of a child; the move and the gain of MetaStepSize.
SLOTS = {
    "child_tuning_of_gradients": 2,
    "child_tuning_of_updates": 2,
    "task_driven_child_tuning": 3,
    "meta_step_size": 2,
}


@pytest.mark.parametrize("way", set(ON_MANY) - {"processes"})
def test_metrics_over_an_epoch_are_those_of_one_device_or_nan(way, ended):
    (found,), (expected,) = ended(way), ended("single")
    if way == "model_parallel":
        pytest.skip("`data_parallel` has evaluated the same")
    names = [n for n in expected if n.startswith("metrics: ")]
    assert names
    for name in names:
        if way == "mirrored" and not name.endswith("loss"):
            assert np.isnan(found[name]), name
        else:
            np.testing.assert_allclose(found[name], expected[name], TOLERANCE)


@pytest.mark.parametrize("way", set(ON_MANY) & {"data_parallel"})
@pytest.mark.parametrize("name", ["greedy", "beams"])
def test_constrained_answers_are_those_of_one_device(way, name, ended):
    (found,), (expected,) = ended(way), ended("single")
    name = f"generated: {name}"
    np.testing.assert_array_equal(found[name], expected[name])
