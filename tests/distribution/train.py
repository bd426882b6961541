"""Run every case in one way and write what it ends with.

`python -m tests.distribution.train WAY FILE [RANK RENDEZVOUS]`, where WAY is a
name in `WAYS`; devices are chosen here, before a backend starts.
"""

import os
import sys

import numpy as np

DEVICES = {"data_parallel": 8, "model_parallel": 8, "single": 1}


def on_one_device(found, *arguments):
    from tests.checks import trainings

    for name in trainings.CASES:
        found.update(trainings.trained(name, trainings.fit)[1])
    found.update(trainings.metric_results())
    found.update(trainings.generated())


def data_parallel(found, *arguments):
    import keras

    distribution = keras.distribution.DataParallel()
    assert distribution.device_mesh.devices.size == 8
    keras.distribution.set_distribution(distribution)
    on_one_device(found)


def model_parallel(found, *arguments):
    import keras

    from tests.checks import trainings

    devices = keras.distribution.list_devices()
    mesh = keras.distribution.DeviceMesh((4, 2), ("batch", "model"), devices)
    layout = keras.distribution.LayoutMap(mesh)
    layout[".*trunk.*kernel"] = (None, "model")
    keras.distribution.set_distribution(
        keras.distribution.ModelParallel(layout_map=layout)
    )
    for name in trainings.CASES:
        model, numbers = trainings.trained(name, trainings.fit)
        found.update(numbers)
        found.update(slots(name, model))
    found.update(trainings.generated())


def slots(name, model):
    """How many slots the divided kernels have, and how many are divided."""
    kernels = [v for v in model.trainable_variables if is_split(v)]
    alike = [
        is_split(slot)
        for slot in model.optimizer.variables
        for kernel in kernels
        if tuple(slot.shape) == tuple(kernel.shape)
    ]
    counts = np.array([len(kernels), len(alike), sum(alike)])
    return {f"slots of {name}": counts}


def is_split(variable):
    return tuple(variable.value.sharding.spec) == (None, "model")


def mirrored(found, *arguments):
    import tensorflow as tf

    from tests.checks import trainings

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        for name in trainings.CASES:
            found.update(trainings.trained(name, trainings.fit)[1])
        found.update(trainings.metric_results())


def processes(found, rank, rendezvous):
    """One of two processes of `DistributedDataParallel`."""
    import torch.distributed

    from tests.checks import trainings
    from tests.distribution import ddp

    rank = int(rank)
    torch.distributed.init_process_group(
        "gloo", f"file://{rendezvous}", rank=rank, world_size=2
    )
    for name in trainings.CASES:
        fit = ddp.fit if ddp.has_one_loss(name) else ddp.fit_own_share
        found.update(trainings.trained(name, fit)[1])
    torch.distributed.destroy_process_group()


def in_halves(found, *arguments):
    """On one device, what two replicas do that know nothing of each other."""
    from tests.checks import trainings
    from tests.distribution import halves

    for name in ("cosent", "angle", "simcse"):
        found.update(trainings.trained(name, halves.fit)[1])


WAYS = {
    "single": on_one_device,
    "data_parallel": data_parallel,
    "model_parallel": model_parallel,
    "mirrored": mirrored,
    "processes": processes,
    "halves": in_halves,
}


def main(way, path, *arguments):
    count = DEVICES.get(way, 1)
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={count}"
    found = {}
    WAYS[way](found, *arguments)
    np.savez(path, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
