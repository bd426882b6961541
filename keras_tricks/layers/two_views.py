"""TwoViews: a layer's outputs under two dropout masks, in one pass."""

import inspect
from typing import Any

import keras
from keras import ops

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class TwoViews(keras.layers.Wrapper):
    """Maps inputs to the outputs of a layer under two dropout masks.

    In training every row of the inputs is doubled, the layer is called once
    on the doubled batch, so that each copy meets its own dropout mask, and the
    two outputs are put on axis 1. Nothing else about the training loop
    changes: `SimCSE` and `RDrop` take what comes out, in plain `compile` and
    `fit`.

    At inference there is no dropout and one output: it is computed once and
    given twice, so that the shape is the same. For predictions use the
    wrapped layer itself; it has the weights.

    A training step costs twice the time and memory of the layer alone. A
    layer without dropout gives two equal views, which teach `SimCSE` nothing
    beyond telling texts apart. Layers that see the batch as a whole, such as
    batch normalisation, see every row twice.

    Args:
        layer: A layer or model with dropout inside, from a batch of one or
            more tensors (nested as the layer has it) to one or more tensors.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor `(batch, ...)`, or a structure of them.
        mask: Optional masks of the inputs, doubled with them, and passed on if
            the layer takes a mask.
        training: Whether to make two views, or one twice.

    Returns:
        Tensor `(batch, 2, ...)`, or a structure of them, the two outputs for
        each row on axis 1. Without a mask.

    Raises:
        ValueError: If `layer` is not a layer.

    Example:

    >>> import keras
    >>> from keras_tricks.layers import TwoViews
    >>> encoder = keras.Sequential(
    ...     [keras.layers.Dropout(0.5), keras.layers.Dense(3)]
    ... )
    >>> views = TwoViews(encoder)(keras.ops.ones((4, 8)), training=True)
    >>> tuple(keras.ops.shape(views))
    (4, 2, 3)

    Reference:
        Gao et al., 2021, SimCSE: https://arxiv.org/abs/2104.08821; Liang et
        al., 2021, R-Drop: https://arxiv.org/abs/2106.14448.
    """

    def __init__(self, layer: Any, **kwargs: Any):
        if not isinstance(layer, keras.layers.Layer):
            raise ValueError(
                f"`layer` must be a Keras layer or model. Received: {layer!r}"
            )
        super().__init__(layer, **kwargs)
        self.supports_masking = True
        arguments = inspect.signature(layer.call).parameters
        self._passed_on = {"mask", "training"} & set(arguments)

    def call(
        self, inputs: Any, mask: Any = None, training: bool | None = None
    ) -> Any:
        if training:
            inputs, mask = in_each(twice, inputs), in_each(twice, mask)
        options = {"mask": mask, "training": training}
        options = {name: options[name] for name in self._passed_on}
        outputs = self.layer(inputs, **options)
        return in_each(apart if training else repeated, outputs)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        return None


def in_each(function: Any, tensors: Any) -> Any:
    """Apply `function` to the tensors of a structure, not to None."""
    return keras.tree.map_structure(
        lambda x: None if x is None else function(x), tensors
    )


def twice(x: Tensor) -> Tensor:
    """Double every row."""
    return ops.repeat(x, 2, axis=0)


def apart(x: Tensor) -> Tensor:
    """Put the two of each row on axis 1."""
    return ops.reshape(x, (-1, 2, *ops.shape(x)[1:]))


def repeated(x: Tensor) -> Tensor:
    """Give each row twice on axis 1."""
    return ops.repeat(ops.expand_dims(x, 1), 2, axis=1)
