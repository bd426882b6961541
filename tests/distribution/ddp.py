"""Training loops over processes of PyTorch, each with its rows of a batch."""

import keras
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from tests.checks import trainings

OWN_TRAINERS = ("multi_task_model_by_upgrad", "gan")


def has_one_loss(name):
    """Whether a backward pass of one loss is all of a step."""
    return not name.endswith("gan") and name != "multi_task_model_by_upgrad"


def own_rows(start, structure, first_has=trainings.BATCH // 2):
    """This process' part of the batch that begins at `start`."""
    cut, end = start + first_has, start + trainings.BATCH
    part = slice(cut, end) if distributed.get_rank() else slice(start, cut)
    return keras.tree.map_structure(
        lambda rows: torch.as_tensor(rows[part]), structure
    )


def fit(model, x, y):
    """The loop of Keras' guide to distributed training with PyTorch.

    https://keras.io/guides/distributed_training_with_torch, with a Keras
    optimizer.
    """
    # What is computed from all rows does not mind who has how many.
    gathers = getattr(model.loss, "across_replicas", False)
    size = trainings.BATCH // 2 + 2 * gathers
    model(own_rows(0, x))
    parallel = DistributedDataParallel(model)
    model.optimizer.build(model.trainable_variables)
    for start in range(0, trainings.ROWS, trainings.BATCH):
        data, labels = (own_rows(start, part, size) for part in (x, y))
        outputs = parallel(data, training=True)
        loss = model.compute_loss(data, labels, outputs)
        model.zero_grad()
        loss.backward()
        variables = model.trainable_variables
        with torch.no_grad():
            model.optimizer.apply([v.value.grad for v in variables], variables)
    return {}


def fit_own_share(model, x, y):
    """Models that take several gradients in a step synchronise them."""
    for start in range(0, trainings.ROWS, trainings.BATCH):
        labels = () if y is None else (own_rows(start, y),)
        model.train_on_batch(own_rows(start, x), *labels)
    return {}
