"""Two optimizers that a trainer sees as one."""

from typing import Any

import keras


class OptimizerPair(keras.optimizers.Optimizer):
    """Holds the variables of its members, which the model steps itself.

    Callbacks that change learning rates know `optimizers`.
    """

    built: bool
    optimizers: Any = ()

    def __init__(self, optimizers: list) -> None:
        super().__init__(learning_rate=0.0, name="optimizer_pair")
        self.optimizers = optimizers
        self.built = True

    @property
    def variables(self) -> list:
        return [v for member in self.optimizers for v in member.variables]

    @property
    def iterations(self) -> Any:
        return self.optimizers[-1].iterations

    @property
    def learning_rate(self) -> Any:
        raise AttributeError(
            "There are two. Instead, use `model.d_optimizer.learning_rate` or "
            "`model.g_optimizer.learning_rate`."
        )

    def build(self, variables: Any) -> None:
        """The model has built the members, each for its own net."""

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        raise NotImplementedError("The model steps each optimizer itself.")

    def finalize_variable_values(self, var_list: Any) -> None:
        """There are no averages that belong to both."""


def prepare(name: str, optimizer: Any, net: Any) -> Any:
    """The optimizer, built for a net, and scaling its loss in float16."""
    optimizer = keras.optimizers.get(optimizer)
    if optimizer is None:
        raise ValueError(
            f"`{name}` must be an optimizer. Received: {name}=None"
        )
    half = net.dtype_policy.name == "mixed_float16"
    scales = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if half and not scales:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(net.trainable_variables)
    return optimizer
