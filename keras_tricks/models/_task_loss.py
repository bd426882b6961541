"""Losses of several outputs, each remembered as it is computed."""

from typing import Any

import keras
from keras import ops

from keras_tricks import multitask

Tensor = Any

# Losses of Keras that can be below zero.
SIGNED = ("CosineSimilarity", "Poisson", "cosine_similarity", "poisson")


class TaskLoss(keras.losses.Loss):
    """A loss that leaves its value at a place of a dict."""

    def __init__(self, loss: Any, values: dict, place: int, task: Any):
        by_shapes = str(loss).lower() in ("crossentropy", "ce")
        found = crossentropy if by_shapes else keras.losses.get(loss)
        self.inner: Any = found
        name = getattr(self.inner, "name", None) or self.inner.__name__
        super().__init__(name=name)
        self.values = values
        self.place = place
        self.task = task

    @property
    def signed(self) -> bool:
        """Whether it is known that the loss can be below zero."""
        kinds = {kind.__name__ for kind in type(self.inner).__mro__}
        kinds.add(getattr(self.inner, "__name__", ""))
        return not kinds.isdisjoint(SIGNED)

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None
    ) -> Tensor:
        whole = isinstance(self.inner, keras.losses.Loss)
        loss = self.inner if whole else super().__call__
        self.values[self.place] = loss(y_true, y_pred, sample_weight)
        return self.values[self.place]

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        loss = self.inner
        if loss is crossentropy:
            loss = crossentropy(y_true, y_pred)
        return loss(*of_one_rank(y_true, y_pred))


def of_one_rank(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Labels and outputs as Keras' own losses have them.

    Where one of them has a last axis of size 1 that the other lacks, vectors
    get one, and others lose it.
    """
    low, high = sorted((x, y), key=lambda tensor: len(tensor.shape))
    if len(high.shape) != len(low.shape) + 1 or high.shape[-1] != 1:
        return x, y
    if len(low.shape) == 1:
        low = ops.expand_dims(low, axis=-1)
    else:
        high = ops.squeeze(high, axis=-1)
    return (high, low) if len(x.shape) > len(y.shape) else (low, high)


def crossentropy(y_true: Tensor, y_pred: Tensor) -> Any:
    """The loss that Keras takes by this name for labels of such shapes."""
    if y_pred.shape[-1] == 1:
        return keras.losses.binary_crossentropy
    if len(y_true.shape) < len(y_pred.shape) or y_true.shape[-1] == 1:
        return keras.losses.sparse_categorical_crossentropy
    return keras.losses.categorical_crossentropy


def task_losses(loss: Any, outputs: Any, values: dict) -> tuple[Any, list]:
    """The structure of `loss`, each one remembered, and a list of them.

    One loss stands for every output. Places are counted in the order of the
    structure, a dict's names sorted.
    """
    if not keras.tree.is_nested(loss):
        if not keras.tree.is_nested(outputs):
            raise ValueError(
                "`loss` must be a list or dict with a loss for each of several "
                f"outputs. Received: loss={loss!r}"
            )
        loss = keras.tree.map_structure(lambda _: loss, outputs)
    names = sorted(loss) if isinstance(loss, dict) else range(len(loss))
    tasks: list[TaskLoss] = []
    found: dict = {}
    for name in names:
        if loss[name] is None:
            found[name] = None
            continue
        tasks.append(TaskLoss(loss[name], values, len(tasks), name))
        found[name] = tasks[-1]
    return found if isinstance(loss, dict) else list(found.values()), tasks


def is_method(loss_weights: Any) -> bool:
    """Whether it is a loss weighting rather than numbers."""
    return isinstance(loss_weights, (str, multitask.LossWeighting))


def built_weighting(identifier: Any, tasks: list) -> Any:
    """The loss weighting, built; raise if it cannot take these losses."""
    weighting = multitask.get_loss_weighting(identifier)
    bounds = weighting.lower_bounds
    if weighting.positive and bounds is None and any(t.signed for t in tasks):
        raise ValueError(
            f"`loss_weights={identifier!r}` needs losses above 0; give "
            "`lower_bounds` to its class. Received: losses that can be "
            f"negative, {[task.name for task in tasks if task.signed]}"
        )
    if bounds is not None and len(bounds) != len(tasks):
        raise ValueError(
            f"`lower_bounds` must be {len(tasks)} numbers, one for each loss. "
            f"Received: lower_bounds={bounds!r}"
        )
    if not weighting.built:  # As it is where it was saved.
        weighting.build((len(tasks),))
    return weighting
