"""Any encoder, KerasHub's or the user's, as named inputs and token features."""

from typing import Any

import keras

Tensor = Any

_NAMES = ("token_ids", "segment_ids", "padding_mask")


def backbone_inputs(backbone: Any) -> Any:
    """New symbolic inputs in the structure that the backbone takes.

    A dict or list of inputs must be named like the features of
    `SpanPreprocessor`. A single input reads the token ids, whatever its name.
    """
    inputs = getattr(backbone, "input", None)
    if isinstance(inputs, dict):
        return {name: _like(name, tensor) for name, tensor in inputs.items()}
    if isinstance(inputs, (list, tuple)):
        return [_like(tensor.name, tensor) for tensor in inputs]
    shape = inputs.shape[1:] if inputs is not None else (None,)
    return keras.Input(shape, dtype="int32", name="token_ids")


def by_name(inputs: Any) -> dict[str, Tensor]:
    """The inputs in a dict, whatever structure the backbone takes."""
    return {tensor.name: tensor for tensor in keras.tree.flatten(inputs)}


def token_features(backbone: Any, inputs: Any) -> Tensor:
    """Call the backbone and return its `(batch, length, features)`."""
    outputs = backbone(inputs)
    features = outputs
    if isinstance(outputs, dict):
        features = outputs.get("sequence_output")
    if len(getattr(features, "shape", ())) != 3:
        raise ValueError(
            "`backbone` must give `(batch, length, features)`, or a dict with "
            f"such a `sequence_output`. Received: backbone={backbone}, which "
            f"gives {outputs}"
        )
    return features


def freeze_pooler(backbone: Any) -> None:
    """Stop training a pooler, which token features never pass through.

    KerasHub's own token tasks do the same; without it every fit warns of
    weights without gradients.
    """
    pooler = getattr(backbone, "pooled_dense", None)
    if pooler is not None:
        pooler.trainable = False


def _like(name: str, tensor: Tensor) -> Tensor:
    if name not in _NAMES:
        raise ValueError(
            f"Inputs of `backbone` must be named among {_NAMES}. "
            f"Received: a backbone with an input named {name!r}"
        )
    return keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
