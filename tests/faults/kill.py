"""Kill trainings at random moments, and let them go on from their backup.

`python -m tests.faults.kill KILLS FOLDER CASE...` prints, for each case, how
often it was killed and whether it ended, bit for bit, where it ends when left
alone. Children are forked from a process that has imported everything and
computed nothing, so that a start takes no seconds.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import keras
import numpy as np
from keras import ops

from keras_tricks import layers
from keras_tricks import models
from keras_tricks import multitask
from keras_tricks import regularizers
from tests.checks import trainings

EPOCHS = 8
# A backup whose two files do not belong together; see `Whole`.
TORN = 3


def noisy_gan():
    """With noise and points between samples drawn from seeds."""
    return trainings.gan(
        layers.GradientNormalization(trainings.critic_net()), models.GAN
    )


def noisy_penalized_gan():
    penalty = regularizers.GradientPenalty(1.0, seed=2)
    return trainings.gan(trainings.critic_net(), models.GAN, penalty=penalty)


def random_weights():
    return trainings.multi_task(loss_weights=multitask.RandomWeights(seed=1))


CASES = {
    **trainings.CASES,
    "noisy_gan": noisy_gan,
    "noisy_penalized_gan": noisy_penalized_gan,
    "multi_task_model_by_random_weights": random_weights,
}


class Whole(keras.callbacks.Callback):
    """End the process if weights and epoch of the backup do not agree.

    Keras writes them one after the other; a process that dies between the two
    would train an epoch twice.
    """

    def __init__(self, folder):
        super().__init__()
        self.path = folder / "training_metadata.json"

    def on_train_begin(self, logs=None):
        epoch = 0
        if self.path.exists():
            epoch = json.loads(self.path.read_text())["epoch"]
        steps = int(ops.convert_to_numpy(self.model.optimizer.iterations))
        if steps != epoch * trainings.STEPS:
            os._exit(TORN)

    def on_train_batch_end(self, batch, logs=None):
        # Spreads the steps, most of which take less than a millisecond.
        time.sleep(0.02)


def train(case, folder, file):
    """Train with a backup, and write what is left at the end."""
    model, x, y = CASES[case]()
    backup = keras.callbacks.BackupAndRestore(folder, double_checkpoint=True)
    model.fit(
        x,
        y,
        batch_size=trainings.BATCH,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        callbacks=[backup, Whole(folder)],
    )
    values = [*model.weights, *model.optimizer.variables]
    found = [np.asarray(ops.convert_to_numpy(v.value)) for v in values]
    part = file.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez(stream, *found)
    part.rename(file)


def forked(*arguments):
    """The id of a child that trains."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        train(*arguments)
        status = 0
    except ValueError as error:  # The epoch's file was cut.
        status = TORN if "Expecting value" in str(error) else 1
    finally:
        if status == 1:
            import traceback

            traceback.print_exc()
        os._exit(status)


def ended(child, seconds=None):
    """How a child ended; 'killed' if it had not after so many seconds."""
    deadline = time.monotonic() + (seconds or 600)
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "killed"


def survive(case, kills, folder, chance):
    """Kill a case so often; how it went."""
    alone, killed = folder / "alone.npz", folder / "killed.npz"
    backup = folder / "backup"
    start = time.monotonic()
    assert ended(forked(case, backup, alone)) == 0, case
    seconds = time.monotonic() - start
    counts = {"killed": 0, "torn": 0, "ended": 0, "different": 0}
    while counts["killed"] < kills or not counts["ended"]:
        enough = counts["killed"] >= kills
        limit = None if enough else chance.uniform(0.0, 1.1 * seconds)
        status = ended(forked(case, backup, killed), limit)
        if status == "killed":
            counts["killed"] += 1
        elif status == TORN:
            counts["torn"] += 1
            shutil.rmtree(backup)
        elif status == 0:
            counts["ended"] += 1
            counts["different"] += not same(alone, killed)
            killed.unlink()
        else:
            raise RuntimeError(f"{case} ended with status {status}")
    return counts


def same(path, other):
    """Whether two files hold the same bits."""
    with np.load(path) as a, np.load(other) as b:
        return a.files == b.files and all(
            a[name].tobytes() == b[name].tobytes() for name in a.files
        )


def main(kills, folder, *cases):
    chance = random.Random(0)
    for case in cases:
        place = Path(folder) / case
        place.mkdir(parents=True)
        counts = survive(case, int(kills), place, chance)
        print(json.dumps({"case": case, **counts}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
