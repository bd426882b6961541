"""GradientPenalty: what it costs a critic to be steep."""

from typing import Any

import keras
from keras import ops

from keras_tricks._backend import gradient_norm
from keras_tricks._checks import check_choice
from keras_tricks._checks import check_number
from keras_tricks._checks import check_scores
from keras_tricks._checks import check_seed
from keras_tricks._euclidean_norm import at_least_float32
from keras_tricks._euclidean_norm import euclidean_norm
from keras_tricks._linear_pieces import linear_pieces
from keras_tricks.layers._piecewise_linear import check_second_derivatives

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class GradientPenalty:
    """Maps a critic, real and fake samples to a penalty on its gradient.

    For critic scores `f`, real samples `x`, fake samples `y`, and for each
    pair a `t` drawn uniformly from [0, 1]

    ```
    at="lines"   λ · mean (‖∇f(z)‖ − target)²,  z = t x + (1 − t) y
    at="real"    λ · mean (‖∇f(x)‖ − target)²
    at="fake"    λ · mean (‖∇f(y)‖ − target)²
    ```

    with one norm per sample, over all axes but the batch. With `at="lines"`
    and `target=1` it is WGAN-GP; with `at="real"` and `target=0` it is R1, of
    λ = γ/2.

    It asks for the constraint where it looks, and λ has to be found; a third
    batch goes through the critic, and is differentiated twice; the generator's
    step costs nothing more. Pass
    it to `keras_tricks.models.GAN.compile`, or call it in a `train_step`. It
    may also be laid on a critic that is gradient-normalised itself. Layers
    whose second derivatives are wrong on TensorFlow are refused, as there.

    Args:
        weight: The λ. Defaults to `10.0`.
        target: The length that a gradient should have. Defaults to `1.0`.
        at: `"lines"`, `"real"` or `"fake"`. Defaults to `"lines"`.
        seed: Seed of the `t`, an integer. Defaults to `None`.

    Call arguments:
        discriminator: The critic, with one score per sample.
        real: Real samples, a float tensor `(batch, ...)`.
        fake: As many fake ones.
        conditions: What the critic takes beside samples. Defaults to `()`.

    Returns:
        A scalar, in float32 at least.

    Raises:
        ValueError: If an argument is out of range, there is not one score per
            sample, or a layer is refused.

    Example:

    >>> import keras
    >>> from keras_tricks.regularizers import GradientPenalty
    >>> critic = keras.layers.Dense(1, kernel_initializer="ones")
    >>> x = keras.ops.ones((2, 4))
    >>> penalty = GradientPenalty(weight=10.0)(critic, x, -x)
    >>> float(keras.ops.convert_to_numpy(penalty))
    10.0

    Reference:
        Gulrajani et al., 2017: https://arxiv.org/abs/1704.00028; Mescheder et
        al., 2018, R1: https://arxiv.org/abs/1801.04406.
    """

    def __init__(
        self,
        weight: float = 10.0,
        target: float = 1.0,
        at: str = "lines",
        seed: int | None = None,
    ):
        for name, value in (("weight", weight), ("target", target)):
            check_number(
                name,
                value,
                lambda number: 0 <= number < float("inf"),
                "a finite number of at least 0",
            )
        self.weight = weight
        self.target = target
        self.at = check_choice("at", at, ("lines", "real", "fake"))
        self.seed = check_seed("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(seed)

    def __call__(
        self,
        discriminator: Any,
        real: Tensor,
        fake: Tensor,
        conditions: Any = (),
    ) -> Tensor:
        check_second_derivatives(discriminator)
        z = self.points(real, fake)

        def f(z: Tensor) -> Tensor:
            with linear_pieces(discriminator):
                scores = discriminator(
                    [z, *conditions] if conditions else z, training=True
                )
            check_scores(scores)
            return ops.reshape(at_least_float32(scores), (-1,))

        _, n = gradient_norm(f, z, euclidean_norm)
        return self.weight * ops.mean(ops.square(n - self.target))

    def points(self, real: Tensor, fake: Tensor) -> Tensor:
        """Where the gradient is taken."""
        if self.at != "lines":
            return real if self.at == "real" else fake
        shape = (ops.shape(real)[0], *[1] * (len(real.shape) - 1))
        t = keras.random.uniform(
            shape, dtype=real.dtype, seed=self.seed_generator
        )
        return t * real + (1 - t) * fake

    def get_config(self) -> dict:
        return {
            "weight": self.weight,
            "target": self.target,
            "at": self.at,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict) -> Any:
        return cls(**config)
