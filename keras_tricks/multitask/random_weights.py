"""RandomWeights: new weights at every step."""

from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_seed
from keras_tricks.multitask.loss_weighting import LossWeighting

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class RandomWeights(LossWeighting):
    """Maps losses to their sum with weights drawn at every step.

    ```
    w = softmax(z),  z_i ~ N(0, 1)      L = Σ_i w_i L_i
    ```

    A baseline: a method that finds weights should do better than chance, and
    published comparisons say that many hardly do. Outside training the weights
    are `1/T`.

    Args:
        seed: Seed of the weights. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        losses: Float tensor `(num_tasks,)`.
        training: Whether weights are drawn.

    Returns:
        A scalar.

    Example:

    >>> import keras
    >>> from keras_tricks.multitask import RandomWeights
    >>> float(RandomWeights(seed=0)(keras.ops.array([1.0, 4.0])))
    2.5

    Reference:
        Lin et al., 2022, https://arxiv.org/abs/2111.10603.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = check_seed("seed", seed)
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, losses: Tensor, training: bool = False) -> Tensor:
        if not training:
            return ops.mean(losses)
        z = keras.random.normal((losses.shape[0],), seed=self.generator)
        return ops.sum(ops.softmax(z) * losses)

    def save_own_variables(self, store: Any) -> None:
        # Keras saves no seeds, without which training would not go on alike.
        store["seed"] = self.generator.state

    def load_own_variables(self, store: Any) -> None:
        self.generator.state.assign(store["seed"])

    def get_config(self) -> dict:
        return {**super().get_config(), "seed": self.seed}
