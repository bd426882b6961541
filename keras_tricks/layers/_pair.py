"""What layers of two vectors agree on."""

from typing import Any

from keras_tricks._checks import check_rank


def check_pair(input_shape: Any) -> tuple[int | None, int | None]:
    """Return `(batch, features)` of two shapes that agree, else raise."""
    # Two shapes come as lists when a layer is built from its saved config.
    shapes = [tuple(shape) for shape in _listed(input_shape)]
    if len(shapes) != 2:
        raise ValueError(
            "`inputs` must be a list of two tensors `(batch, features)`. "
            f"Received: inputs of shape {input_shape}"
        )
    for shape in shapes:
        check_rank("inputs", shape, 2, "(batch, features)")
    # A batch of 1 must not be compared with each row of the other.
    for first, second in zip(*shapes, strict=True):
        if None not in (first, second) and first != second:
            raise ValueError(
                "Both of `inputs` must have one shape. "
                f"Received: inputs of shapes {shapes[0]} and {shapes[1]}"
            )
    return shapes[0]


def _listed(input_shape: Any) -> list:
    nested = isinstance(input_shape, (list, tuple)) and all(
        isinstance(shape, (list, tuple)) for shape in input_shape
    )
    return list(input_shape) if nested else []
