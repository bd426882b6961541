"""ExponentiatedGradient: multiplicative steps that keep to a set."""

from typing import Any

import keras
from keras import ops

from keras_tricks._backend import value_now
from keras_tricks._checks import check_choice
from keras_tricks._checks import check_positive
from keras_tricks.optimizers._multiplicative import bounds
from keras_tricks.optimizers._multiplicative import broken_requirement
from keras_tricks.optimizers._multiplicative import nonnegative_step
from keras_tricks.optimizers._multiplicative import positive
from keras_tricks.optimizers._multiplicative import raised
from keras_tricks.optimizers._multiplicative import signed_step
from keras_tricks.optimizers._multiplicative import simplex_step

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class ExponentiatedGradient(keras.optimizers.Optimizer):
    """Maps gradients to multiplicative steps that never leave a set.

    For a weight `w`, its gradient `g` and the learning rate `η`,

    ```
    nonnegative   w ← w · exp(−η g)
    simplex       w ← w · exp(−η g) / Σ w · exp(−η g)
    signed        w ← β · sinh(asinh(w / β) − η g)
    ```

    the first for weights ≥ 0, the second for weights ≥ 0 that sum to 1 along
    an axis, the third for any weights. The third is EG±, `w = w₊ − w₋` with
    `w₊ ← w₊ exp(−η g)`, `w₋ ← w₋ exp(η g)`, whose product stays `β² / 4`, so
    that one number holds both: near 0 its step is that of gradient descent at
    the rate `η β`, far from 0 it is a share of the weight.

    It helps where weights are prices, rates or shares, and where a few of very
    many inputs matter: its regret grows with the logarithm of their number. No
    projection is needed, and nothing is stored beside the weights. When it
    does not help: dense solutions, where gradient descent is as good or
    better. A weight of 0 is only approached, and one that starts there stays
    (except with `"signed"`). Half-precision weights lose steps below half a
    unit of rounding: 0.05% of the weight in float16, 0.4% in bfloat16.

    Every variable that is trained must lie in the set: a bias that starts at 0
    does not. A positive weight stays positive: the smallest number of its
    dtype bounds it below, the largest above, and e^±20 its change in a step.
    Where a gradient is NaN the weight stays; the loss shows the NaN.

    Weight decay is refused: it is subtracted, and may leave the set. An L1
    regularizer on the layer does what is wanted here, `w ← w · exp(−η λ)`, and
    nothing on the simplex, where it is constant.

    Args:
        learning_rate: A float, a schedule or a callable. Of the order of 1 over
            the typical size of a gradient.
        constraint: `"nonnegative"`, `"simplex"` or `"signed"`. Defaults to
            `"nonnegative"`.
        axis: Axis along which weights sum to 1; only for `"simplex"`. Defaults
            to `-1`.
        beta: Size below which a weight moves as in gradient descent; the
            smaller, the sparser the solution. Only for `"signed"`. Defaults
            to `0.1`.
        name: Optional name. Defaults to `"exponentiated_gradient"`.
        **kwargs: Arguments of `keras.optimizers.Optimizer`, such as
            `clipnorm`, but not `weight_decay`.

    Returns:
        An optimizer for `model.compile`.

    Raises:
        ValueError: If an argument is out of range, if weight decay is asked
            for, or at the first step if a variable lay outside the set when
            the optimizer was built.

    Example:

    >>> import keras
    >>> from keras_tricks.optimizers import ExponentiatedGradient
    >>> w = keras.Variable([0.5, 0.3, 0.2])
    >>> optimizer = ExponentiatedGradient(1.0, constraint="simplex")
    >>> optimizer.apply([keras.ops.array([1.0, 0.0, 0.0])], [w])
    >>> [round(float(x), 4) for x in keras.ops.convert_to_numpy(w)]
    [0.2689, 0.4386, 0.2924]

    Reference:
        Kivinen and Warmuth, 1997, Exponentiated gradient versus gradient
        descent; Su Jianlin, 2022: https://kexue.fm/archives/8968. The one
        number for EG± is the hypentropy update of Ghai, Hazan and Singer, 2020:
        https://arxiv.org/abs/1902.01903.
    """

    def __init__(
        self,
        learning_rate: Any,
        constraint: str = "nonnegative",
        axis: int = -1,
        beta: float = 0.1,
        name: str = "exponentiated_gradient",
        **kwargs: Any,
    ):
        if kwargs.get("weight_decay") is not None:
            raise ValueError(
                "`weight_decay` is subtracted from a weight and may leave the "
                "set. Instead, give the layer an L1 regularizer, such as "
                "`keras.regularizers.L1(1e-4)`. Received: "
                f"weight_decay={kwargs['weight_decay']}"
            )
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise ValueError(
                f"`axis` must be an integer. Received: axis={axis!r}"
            )
        super().__init__(learning_rate, name=name, **kwargs)
        self.constraint = check_choice(
            "constraint", constraint, ("nonnegative", "simplex", "signed")
        )
        self.axis = axis
        self.beta = check_positive("beta", beta)
        self.fault: str | None = None

    def build(self, variables: list) -> None:
        if self.built:
            return
        super().build(variables)
        # Raised at the first step: a saved model is built before its weights
        # are read.
        for variable in variables:
            self.fault = self.fault or self.fault_of(variable)

    def load_own_variables(self, store: Any) -> None:
        super().load_own_variables(store)
        self.fault = None

    def fault_of(self, variable: Any) -> str | None:
        """What to tell of a variable outside the set, or None."""
        shape = tuple(variable.shape)
        value = value_now(variable)
        if value is None:
            return None
        requirement = broken_requirement(
            value, self.constraint, self.axis, variable.dtype
        )
        if requirement is None:
            return None
        return (
            f"With `constraint={self.constraint!r}` every variable must "
            f"{requirement} when the optimizer is built. Received: "
            f"{variable.path} of shape {shape}. Change its initializer, or do "
            "not train it with this optimizer"
        )

    def update_step(
        self, gradient: Tensor, variable: Any, learning_rate: Any
    ) -> None:
        if self.fault:
            raise ValueError(self.fault)
        dtype = keras.backend.standardize_dtype(variable.dtype)
        w = raised(variable)
        # A sum is dense, and rows that a sparse gradient repeats are added.
        g = ops.zeros_like(w) + ops.cast(gradient, w.dtype)
        g = ops.where(ops.isnan(g), 0.0, g)
        lr, (low, high) = ops.cast(learning_rate, w.dtype), bounds(dtype)
        if self.constraint == "signed":
            w = signed_step(w, lr * g, self.beta, high)
        elif self.constraint == "simplex":
            w = positive(simplex_step(w, lr, g, self.axis), w, low, high)
        else:
            w = positive(nonnegative_step(w, lr * g), w, low, high)
        self.assign(variable, ops.cast(w, dtype))

    def get_config(self) -> dict:
        config = super().get_config()
        config.update(
            {
                "constraint": self.constraint,
                "axis": self.axis,
                "beta": self.beta,
            }
        )
        return config
