"""MaskedPooling: one vector for a sequence of token features."""

from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_choice
from keras_tricks._checks import check_rank

Tensor = Any

MODES = ("mean", "cls", "max")


@keras.saving.register_keras_serializable(package="keras_tricks")
class MaskedPooling(keras.layers.Layer):
    """Maps token features to one vector, without what the mask leaves out.

    For token features `h_i` and a mask `m_i`, 1 for tokens and 0 for padding,

    ```
    mean:  Σ_i m_i h_i / Σ_i m_i
    cls:   h_0
    max:   max over i with m_i = 1 of h_i
    ```

    Sums are taken in float32, whatever the dtype. A sequence without any token
    gives zeros; an average that divides by its number of tokens would be NaN,
    and with it the loss of its whole batch.

    Which one: the one that the encoder was trained with. Of an encoder that has
    not been trained for sentences, `"mean"` is the safer start; `"cls"` has to
    be learnt first. When it does not help: an encoder of the kind that reads
    from left to right, whose last token alone has seen the whole text.

    Args:
        mode: `"mean"`, `"cls"` or `"max"`. Defaults to `"mean"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, length, features)`.
        mask: Optional tensor `(batch, length)`, true for tokens. Taken from
            the layer before where it gives one; without any, all are tokens.

    Returns:
        Tensor `(batch, features)`.

    Raises:
        ValueError: If `mode` is another one, or inputs or mask have another
            rank.

    Example:

    >>> import keras
    >>> from keras_tricks.layers import MaskedPooling
    >>> features = keras.ops.convert_to_tensor([[[1.0], [3.0], [9.0]]])
    >>> mask = keras.ops.convert_to_tensor([[True, True, False]])
    >>> pooled = MaskedPooling()(features, mask=mask)
    >>> keras.ops.convert_to_numpy(pooled).tolist()
    [[2.0]]

    Reference:
        Reimers and Gurevych, 2019, Sentence-BERT:
        https://arxiv.org/abs/1908.10084.
    """

    def __init__(self, mode: str = "mean", **kwargs: Any):
        super().__init__(**kwargs)
        self.mode = check_choice("mode", mode, MODES)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)
        self.built = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            m = ops.ones_like(inputs[..., :1], dtype="bool")
        else:
            check_mask(mask.shape, inputs.shape)
            m = ops.cast(mask, "bool")[..., None]
        h = ops.cast(inputs, "float32")
        pooled = _POOL[self.mode](h, m)
        pooled = ops.where(ops.any(m, axis=1), pooled, 0.0)
        return ops.cast(pooled, self.compute_dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        # The axis that the mask is about is gone.
        return None

    def compute_output_shape(self, input_shape: Any) -> tuple:
        batch, _, features = check_rank(
            "inputs", input_shape, 3, "(batch, length, features)"
        )
        return (batch, features)

    def get_config(self) -> dict:
        return {**super().get_config(), "mode": self.mode}


def check_mask(shape: Any, inputs_shape: Any) -> None:
    """Raise unless it is the shape of a mask of these inputs."""
    shape = check_rank("mask", shape, 2, "(batch, length)")
    if any(
        None not in (size, wanted) and size != wanted
        for size, wanted in zip(shape, inputs_shape[:2], strict=True)
    ):
        raise ValueError(
            "`mask` must have the batch and length of `inputs`. Received: "
            f"mask of shape {shape} for inputs of shape {tuple(inputs_shape)}"
        )


def _mean(h: Tensor, m: Tensor) -> Tensor:
    # Padding may hold anything, NaN included, so it is replaced, not weighted.
    total = ops.sum(ops.where(m, h, 0.0), axis=1)
    count = ops.sum(ops.cast(m, "float32"), axis=1)
    return total / ops.maximum(count, 1.0)


def _first(h: Tensor, m: Tensor) -> Tensor:
    return h[:, 0]


def _max(h: Tensor, m: Tensor) -> Tensor:
    return ops.max(ops.where(m, h, -3.0e38), axis=1)


_POOL = {"mean": _mean, "cls": _first, "max": _max}
