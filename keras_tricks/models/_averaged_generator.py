"""A generator that samples from a moving average of its weights."""

from typing import Any

import keras
from keras import ops

Tensor = Any


class AveragedGenerator(keras.Model):
    """What `GAN` predicts with and keeps in files; documented there."""

    generator: Any
    ema: float | None
    ema_weights: list

    def start_average(self) -> list:
        """Variables that start at the weights, if there is an average."""
        if self.ema is None:
            return []
        weights = []
        for number, v in enumerate(self.generator.trainable_variables):
            weight = self.add_weight(
                shape=v.shape,
                dtype=v.dtype,
                trainable=False,
                name=f"ema_{number}",
            )
            # Through NumPy: JAX donates buffers, and may not share one.
            weight.assign(ops.convert_to_numpy(v))
            weights.append(weight)
        return weights

    def update_average(self) -> None:
        """Move the average, if there is one, towards the weights."""
        decay = self.ema
        if decay is None:
            return
        for average, v in zip(
            self.ema_weights, self.generator.trainable_variables, strict=True
        ):
            average.assign(decay * average + (1 - decay) * v)

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        if training or self.ema is None:
            return self.generator(inputs, training=training)
        values = [weight.value for weight in self.ema_weights]
        state = [v.value for v in self.generator.non_trainable_variables]
        return self.generator.stateless_call(
            values, state, inputs, training=False
        )[0]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.generator.compute_output_shape(input_shape)

    def save_own_variables(self, store: Any) -> None:
        # With the seeds, which Keras does not save, or training would not go
        # on as if it had not been interrupted.
        for name, v in self.own_state().items():
            store[name] = ops.convert_to_numpy(v)

    def load_own_variables(self, store: Any) -> None:
        for name, v in self.own_state().items():
            if name in store:
                v.assign(store[name])

    def own_state(self) -> dict[str, Any]:
        """The average, and the seeds of the model and all its layers."""
        state = {f"ema_{n}": v for n, v in enumerate(self.ema_weights)}
        seeds = (
            v
            for v in self.non_trainable_variables
            if v.path.endswith("seed_generator_state")
        )
        return {**state, **{f"seed_{n}": v for n, v in enumerate(seeds)}}
