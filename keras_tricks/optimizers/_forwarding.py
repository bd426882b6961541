"""What an optimizer around an optimizer leaves to the one inside.

The private names of Keras that are passed on are listed in `wrapper.py`.
"""

from typing import Any

import keras

from keras_tricks.optimizers._inner_optimizer import find_inner
from keras_tricks.optimizers._inner_optimizer import refuse_base_arguments
from keras_tricks.optimizers._inner_optimizer import refuse_inner

Tensor = Any
Variable = Any


def forwarded(name: str) -> property:
    """A property that is the inner optimizer's."""

    def read(self: Any) -> Any:
        return getattr(self.inner_optimizer, name)

    def write(self: Any, value: Any) -> None:
        # `Optimizer.__init__` writes its defaults before there is an inner one.
        if "inner_optimizer" in self.__dict__:
            setattr(self.inner_optimizer, name, value)

    return property(read, write)


class ForwardingOptimizer(keras.optimizers.Optimizer):
    """Maps an optimizer to one that passes everything on to it.

    Args:
        inner_optimizer: An optimizer, its name or its configuration.
        name: Optional name. Defaults to `None`.
        **kwargs: Refused. Arguments of `keras.optimizers.Optimizer` belong to
            the inner optimizer.
    """

    built: bool

    iterations = forwarded("iterations")
    learning_rate = forwarded("learning_rate")
    weight_decay = forwarded("weight_decay")
    clipnorm = forwarded("clipnorm")
    clipvalue = forwarded("clipvalue")
    global_clipnorm = forwarded("global_clipnorm")
    use_ema = forwarded("use_ema")
    ema_momentum = forwarded("ema_momentum")
    ema_overwrite_frequency = forwarded("ema_overwrite_frequency")
    loss_scale_factor = forwarded("loss_scale_factor")
    gradient_accumulation_steps = forwarded("gradient_accumulation_steps")
    _iterations = forwarded("_iterations")
    _learning_rate = forwarded("_learning_rate")
    _trainable_variables = forwarded("_trainable_variables")
    _trainable_variables_indices = forwarded("_trainable_variables_indices")

    def __init__(
        self, inner_optimizer: Any, name: str | None = None, **kwargs: Any
    ):
        refuse_base_arguments(type(self).__name__, kwargs)
        inner_optimizer = find_inner(inner_optimizer)
        refuse_inner(type(self).__name__, inner_optimizer)
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        inner_optimizer.is_inside_wrapper = True

    @property
    def variables(self) -> list[Variable]:
        return self.inner_optimizer.variables

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        if not self.built and trainable_variables is not None:
            trainable_variables = list(trainable_variables)
            self.build(trainable_variables)
        self.inner_optimizer.apply(grads, trainable_variables)

    def stateless_apply(
        self, optimizer_variables: Any, grads: Any, trainable_variables: Any
    ) -> Any:
        return self.inner_optimizer.stateless_apply(
            optimizer_variables, grads, trainable_variables
        )

    def scale_loss(self, loss: Tensor) -> Tensor:
        return self.inner_optimizer.scale_loss(loss)

    def finalize_variable_values(self, var_list: Any) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(
        self, var_list: Any = None, var_names: Any = None
    ) -> None:
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def set_weights(self, weights: Any) -> None:
        self.inner_optimizer.set_weights(weights)

    def save_own_variables(self, store: Any) -> None:
        """Nothing: the inner optimizer is saved, with the state of this one."""

    def load_own_variables(self, store: Any) -> None:
        """Nothing: see `save_own_variables`."""

    def get_config(self) -> dict:
        inner = keras.saving.serialize_keras_object(self.inner_optimizer)
        return {"inner_optimizer": inner, "name": self.name}

    @classmethod
    def from_config(
        cls, config: dict, custom_objects: dict | None = None
    ) -> Any:
        config = dict(config)
        config["inner_optimizer"] = keras.saving.deserialize_keras_object(
            config["inner_optimizer"], custom_objects=custom_objects
        )
        return cls(**config)

    def __getattr__(self, name: str) -> Any:
        # Callbacks look below one `inner_optimizer`, that of a
        # `LossScaleOptimizer`, for the moving averages of the weights.
        if name.startswith("__") or name == "inner_optimizer":
            raise AttributeError(name)
        return getattr(self.inner_optimizer, name)
