"""GradientNormalization: a critic whose gradient is at most 1 long."""

from typing import Any

import keras
from keras import ops

from keras_tricks._backend import gradient_norm
from keras_tricks._checks import check_choice
from keras_tricks._checks import check_number
from keras_tricks._euclidean_norm import at_least_float32
from keras_tricks._euclidean_norm import euclidean_norm
from keras_tricks._linear_pieces import linear_pieces
from keras_tricks.layers._conditions import check_float
from keras_tricks.layers._conditions import shapes
from keras_tricks.layers._conditions import split
from keras_tricks.layers._piece_scores import frozen_piece_scores
from keras_tricks.layers._piece_scores import piece_scores
from keras_tricks.layers._piecewise_linear import check_second_derivatives
from keras_tricks.layers._piecewise_linear import is_homogeneous
from keras_tricks.layers._piecewise_linear import is_piecewise_linear
from keras_tricks.layers._piecewise_linear import is_repeatable

Tensor = Any

_EPSILON = {"gn": 1e-6, "gran": 0.1, "plain": 0.1}


@keras.saving.register_keras_serializable(package="keras_tricks")
class GradientNormalization(keras.layers.Layer):
    """Maps samples to a critic's scores, divided by the length of its gradient.

    For scores `f(x)` and `n = ‖∇f(x)‖`, the Euclidean norm over all axes but
    the batch,

    ```
    "gn"     f̂ = f / (n + |f| + ε)       −1 < f̂ < 1
    "gran"   f̂ = f · n / (n² + ε)
    "plain"  f̂ = f / (n + ε)
    ```

    Where `f` is piecewise linear (dense and convolutional layers, pooling,
    ReLU), `n` does not change within a piece, and `‖∇f̂‖` is at most 1 there
    (for `"gn"` it is `n (n + ε) / (n + |f| + ε)²`): the critic is 1-Lipschitz
    on each linear piece, with no penalty to weigh and no layer constrained by
    itself.

    That is all it says. Where pieces meet, `n` jumps, and `f̂` with it: over
    such a border slopes of several hundred were measured, on few pairs of
    points. With a smooth activation (SiLU, GELU) there is no bound, though `f̂`
    is continuous. The source's author found it worse than the gradient
    penalty, and slower: both batches are differentiated twice, and in the
    generator's step too. Here the generator's step costs nothing more for a
    critic made of Keras' piecewise linear layers (`frozen`), and the critic's
    about a quarter less where its linear pieces are known (`once`); `GAN` sees
    to both.

    A sample's gradient is its own only if samples do not meet in the critic:
    `BatchNormalization` in training warns. On TensorFlow, `LayerNormalization`,
    `GroupNormalization`, `BatchNormalization` and resizing with interpolation
    have wrong second derivatives and are refused; the same operations in a
    `call` of your own cannot be found.

    Scores are differentiated in the dtype of the inputs and normalised in
    float32 at least. Where `n = f = 0` the score is 0, and ε bounds its slope.
    To differentiate further than training does, such as for a penalty on `f̂`,
    use `keras_tricks.regularizers.GradientPenalty`: on JAX, a `jax.grad` of
    `jax.grad` of this layer with respect to its input misses a term, and with
    `once` it does so everywhere.

    Args:
        discriminator: A layer or model with one score per sample, `(batch,)`
            or `(batch, 1)`, and no activation after it.
        variant: `"gn"`, `"gran"` or `"plain"`. Only `"gn"` does not change
            with the scale of `f`. Defaults to `"gn"`.
        epsilon: The ε of the formulas. `None` is 1e-6 for `"gn"` and 0.1 for
            the others. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`. `dtype` is the
            discriminator's if it is not given.

    Call arguments:
        inputs: Float tensor `(batch, ...)`; or a list of it and what it is
            conditioned on, such as labels, which is not differentiated.
        training: Passed on to the discriminator.
        frozen: Whether the result will be differentiated with respect to the
            inputs alone, as in a generator's step. A piecewise linear critic
            is then differentiated once, not twice; gradients with respect to
            its weights are missing. Defaults to `False`.
        once: Whether the result will be differentiated once, not again. What
            dense and convolutional layers with (leaky) ReLU are on the linear
            piece of a sample is then enough, in place of second derivatives;
            other critics, and those with conditions, do not change. Defaults
            to `False`.

    Returns:
        Scores of the shape of the discriminator's.

    Raises:
        ValueError: If there is not one score per sample, inputs are integers,
            an argument is out of range, or a layer is refused.

    Example:

    >>> import keras
    >>> from keras_tricks.layers import GradientNormalization
    >>> critic = keras.layers.Dense(1, kernel_initializer="ones")
    >>> layer = GradientNormalization(critic)
    >>> scores = layer(keras.ops.array([[1.0, 2.0, 3.0, 4.0]]))
    >>> [f"{score:.4f}" for score in keras.ops.convert_to_numpy(scores)[0]]
    ['0.8333']

    Reference:
        Wu et al., 2021, "gn": https://arxiv.org/abs/2109.02235, whose code has
        no ε; Bhaskara et al., 2022, "gran": https://arxiv.org/abs/2111.03162;
        Su Jianlin, 2021: https://kexue.fm/archives/8757. The values of ε are
        ours.
    """

    def __init__(
        self,
        discriminator: Any,
        variant: str = "gn",
        epsilon: float | None = None,
        **kwargs: Any,
    ):
        if not isinstance(discriminator, keras.Layer):
            raise ValueError(
                "`discriminator` must be a Keras layer or model. "
                f"Received: discriminator={discriminator!r}"
            )
        kwargs.setdefault("dtype", discriminator.dtype_policy)
        super().__init__(**kwargs)
        self.discriminator = discriminator
        self.variant = check_choice("variant", variant, tuple(_EPSILON))
        if epsilon is not None:
            check_number(
                "epsilon",
                epsilon,
                lambda e: 0 < e < float("inf"),
                "above 0 and finite, or None",
            )
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        # This calls the discriminator: so layers of a subclassed model too are
        # built here, and not while their gradient is traced.
        self.score_axes = self.compute_output_shape(input_shape)[1:]
        check_second_derivatives(self.discriminator)
        self.is_piecewise_linear = is_piecewise_linear(self.discriminator)
        self.is_homogeneous = is_homogeneous(self.discriminator)
        self.is_repeatable = is_repeatable(self.discriminator)
        self.built = True

    def call(
        self,
        inputs: Any,
        training: Any = None,
        frozen: bool = False,
        once: bool = False,
    ) -> Tensor:
        x, conditions = split(inputs)
        check_float(x)

        def f(x: Tensor, scale: Any = None, gates: Any = None) -> Tensor:
            with linear_pieces(self.discriminator, scale, gates):
                scores = self.discriminator(
                    [x, *conditions] if conditions else x, training=training
                )
            return ops.reshape(at_least_float32(scores), (-1,))

        if frozen and self.is_piecewise_linear:
            scores = frozen_piece_scores(self, f, x)
        elif once and self.is_homogeneous and not conditions:
            scores = piece_scores(self, f, x)
        else:
            y, n = gradient_norm(f, x, euclidean_norm, self)
            scores = self.normalize(y, n)
        scores = ops.cast(scores, self.compute_dtype)
        return ops.reshape(scores, (-1, *self.score_axes))

    def normalize(self, f: Tensor, n: Tensor) -> Tensor:
        """Scores and norms `(batch,)` to normalised scores."""
        epsilon = self.epsilon or _EPSILON[self.variant]
        if self.variant == "gn":
            return f / (n + ops.abs(f) + epsilon)
        if self.variant == "gran":
            return f * n / (ops.square(n) + epsilon)
        return f / (n + epsilon)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        first, *conditions = shapes(input_shape)
        symbols = [keras.KerasTensor(first, self.compute_dtype)]
        symbols += [keras.KerasTensor(shape, "int32") for shape in conditions]
        scores = self.discriminator(symbols if conditions else symbols[0])
        shape = getattr(scores, "shape", None)
        if shape is None or tuple(shape[1:]) not in ((), (1,)) or not shape:
            raise ValueError(
                "`discriminator` must give one score per sample, `(batch,)` "
                "or `(batch, 1)`; end it with pooling or a dense layer of one "
                f"unit. Received: scores of shape {shape}"
            )
        return tuple(shape)

    def compute_output_spec(
        self,
        inputs: Any,
        training: Any = None,
        frozen: bool = False,
        once: bool = False,
    ) -> Any:
        check_float(split(inputs)[0])
        input_shape = keras.tree.map_structure(lambda t: tuple(t.shape), inputs)
        shape = self.compute_output_shape(input_shape)
        return keras.KerasTensor(shape, self.compute_dtype)

    def get_config(self) -> dict:
        config = super().get_config()
        config.update(
            {
                "discriminator": keras.saving.serialize_keras_object(
                    self.discriminator
                ),
                "variant": self.variant,
                "epsilon": self.epsilon,
            }
        )
        return config

    @classmethod
    def from_config(
        cls, config: dict, custom_objects: dict | None = None
    ) -> Any:
        discriminator = keras.saving.deserialize_keras_object(
            config["discriminator"], custom_objects=custom_objects
        )
        return cls(**{**config, "discriminator": discriminator})
