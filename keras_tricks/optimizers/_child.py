"""The weights that a task-driven `ChildTuning` moves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from keras_tricks._backend import select
from keras_tricks._backend import value_now
from keras_tricks.optimizers._masks import top_entries
from keras_tricks.optimizers.wrapper import OptimizerWrapper
from keras_tricks.optimizers.wrapper import holds_value

Tensor = Any
Variable = Any


class Child:
    """One mask for each variable, in the state of an optimizer.

    Whether they were chosen is part of the state. So it is known wherever the
    state came from, and masks that hold nothing never pass for a choice.

    Args:
        wrapper: The optimizer.
        variables: The variables it is built for.
    """

    def __init__(self, wrapper: OptimizerWrapper, variables: list[Variable]):
        self.mask_of = {
            id(v): wrapper.add_slot(v, "child", dtype="bool") for v in variables
        }
        self.chosen = wrapper.add_scalar("child_is_chosen", dtype="bool")
        # None where a compiled function is handed the state.
        self.is_chosen: bool | None = False

    def choose(
        self,
        variables: Sequence[Variable],
        scores: list[np.ndarray],
        fraction: float,
    ) -> None:
        """Keep the greatest `fraction` of all scores together."""
        if {id(v) for v in variables} != set(self.mask_of):
            raise ValueError(
                "`variables` must be those that the optimizer was built for. "
                f"Received: variables={[v.path for v in variables]}"
            )
        chosen = top_entries(scores, fraction)
        for variable, value in zip(variables, chosen, strict=True):
            self.mask_of[id(variable)].assign(value)
        self.chosen.assign(True)

    def masked(self, x: Tensor, variable: Variable) -> Tensor:
        """`x` within the child, 0 outside.

        Selected, not multiplied: `inf` and NaN stop at the mask too.
        """
        if not self.is_chosen:
            self.look()
        if self.is_chosen is False:
            raise ValueError(
                "A task-driven child must be chosen before training: call "
                "`choose_child(model.trainable_variables, "
                "fisher_information(model, ...))`, or restore an optimizer "
                "that has one. What is loaded must match in all variables, or "
                "Keras skips it with a warning."
            )
        mask = ops.convert_to_tensor(self.mask_of[id(variable)])
        # The update of a rule may be a variable, such as a momentum.
        x = ops.convert_to_tensor(x)
        if self.is_chosen:
            return select(mask, x)
        chosen = ops.convert_to_tensor(self.chosen)
        rest = ops.cast(ops.where(chosen, 0.0, float("nan")), x.dtype)
        return ops.where(mask, x, rest)

    def look(self) -> None:
        """Note whether the masks were chosen, if the state can be read."""
        if holds_value(self.chosen):
            value = value_now(self.chosen)
            # Empty if TensorFlow makes it in the step that it traces.
            self.is_chosen = None if value is None else bool(value.any())


def checked_scores(
    variables: Sequence[Variable], information: Sequence[Any]
) -> list[np.ndarray]:
    """Return `information` as float32 arrays, or raise."""
    scores = [np.asarray(i, "float32") for i in information]
    shapes = [tuple(v.shape) for v in variables]
    if [s.shape for s in scores] != shapes:
        raise ValueError(
            "`information` must have an array for each variable, of its "
            f"shape. Received: shapes {[s.shape for s in scores]} for "
            f"variables of shapes {shapes}"
        )
    if not all((s >= 0).all() for s in scores):
        raise ValueError(
            "`information` must not be negative or NaN. Received: "
            f"information={information}"
        )
    return scores
