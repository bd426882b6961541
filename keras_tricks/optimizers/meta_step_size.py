"""MetaStepSize: learn the step size of an optimizer while it runs."""

import math
from typing import Any

import keras
from keras import ops

from keras_tricks._checks import check_choice
from keras_tricks._checks import check_flag
from keras_tricks._checks import check_not_negative
from keras_tricks._checks import check_number
from keras_tricks._checks import check_positive
from keras_tricks._checks import check_positive_range
from keras_tricks.optimizers._step_sizes import StepSizes
from keras_tricks.optimizers.wrapper import OptimizerWrapper

Tensor = Any
Variable = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class MetaStepSize(OptimizerWrapper):
    """Maps an optimizer to one that learns the size of its steps.

    At step `t` the inner optimizer, given the gradient `g` and its learning
    rate `η`, would add `u` to the weights `θ`. With one number `s`, the scale,
    and one per weight, the gains `p`,

    ```
    s ← s · exp(γ_s / (1 + t / τ) · cos(g, d))       within scale_range
    p ← p · exp(γ_p · sign(g) · sign(d))             within gain_range
    d ← −s · p · u
    θ ← θ − d
    ```

    where `d` is the step before, 0 at first. While the gradient agrees with
    the last step, steps grow; when they overshoot, they shrink, by a factor
    each time, so that six orders of magnitude take a few dozen steps.

    It helps where the learning rate is not known. Started anywhere from 1e-6
    to 10, SGD and Adam reach about the accuracy of the best fixed rate on
    scikit-learn's digits (`examples/step_size.py`). The scale starts far below
    1, since a first step that is too large may ruin the weights for good.

    When it does not help: against a schedule that was tuned. The rule looks one
    step ahead, and noise in the gradients makes steps disagree that serve in
    the long run, so that the scale ends below the best; small batches slow its
    rise. The decay `τ` bounds both: at step `t` the scale follows at the rate
    `γ_s τ / t`. A schedule of `η` still multiplies what is learnt.

    The simplified rule of the post, one step size per weight multiplied by
    `exp(γ · g_before · g)`, is

    ```
    MetaStepSize(
        SGD(rate),
        scale_learning_rate=0.0,
        initial_scale=1.0,
        gain_learning_rate=gamma,
        use_signs=False,
    )
    ```

    Its author means it for SGD without momentum, not for Adam: a reader who
    put it on Adam saw the learning rate go to zero, because products of
    consecutive gradients were negative throughout.

    Args:
        inner_optimizer: An optimizer, its name or its configuration. It may be
            a wrapper itself, but no `LossScaleOptimizer`: scale outside.
        scale_learning_rate: `γ_s`; 0 keeps the scale. Defaults to `1.0`.
        scale_decay_steps: `τ`; `None` for no decay. Defaults to `20`.
        gain_learning_rate: `γ_p`; 0 leaves the gains out, and one number per
            weight with them. Defaults to `0.01`.
        initial_scale: The scale of the first step. Defaults to `0.001`.
        scale_range: The least and the greatest scale. Defaults to
            `(1e-10, 1e10)`.
        gain_range: The least and the greatest gain. Defaults to
            `(0.01, 100.0)`.
        use_directions: Whether `s` sees the cosine, as above, or the inner
            product of `g` and the inner optimizer's step `−u`. Defaults to
            `True`.
        use_signs: Whether `p` sees signs, as above, or the products of `g`
            with `−u / η`. Defaults to `True`.
        gains_on: `"update"`, as above, or `"gradient"`: the inner optimizer
            is given `p · g`, as published for SGD with momentum. Adam undoes
            such gains. Defaults to `"update"`.
        name: Optional name. Defaults to `None`.
        **kwargs: Refused: `clipnorm` and the like belong to `inner_optimizer`.

    Returns:
        An optimizer for `compile`. `effective_learning_rate` is `s · η`; see
        `keras_tricks.callbacks.LogAttribute`. It stores two numbers per
        weight, or one without gains. Weight decay is multiplied by `s`. With a
        `MultiOptimizer` inside, each of its parts changes `s` in turn.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> import keras
    >>> from keras_tricks.optimizers import MetaStepSize
    >>> weights = keras.Variable([1.0, 1.0])
    >>> optimizer = MetaStepSize(keras.optimizers.SGD(1e-6))
    >>> for _ in range(100):
    ...     optimizer.apply([weights * [1.0, 3.0]], [weights])
    >>> bool(float(optimizer.effective_learning_rate) > 0.1)
    True
    >>> bool(abs(keras.ops.convert_to_numpy(weights)).max() < 0.01)
    True

    Reference:
        Amid et al., 2022: https://arxiv.org/abs/2202.00145; Su Jianlin, 2022:
        https://kexue.fm/archives/8968. The one public implementation, EGDD of
        lingvo, is `MetaStepSize(SGD(rate, momentum=0.9), 0.001, None, 0.01,
        1.0, (0.1, 10.0), gains_on="gradient")`, except that it has a scale per
        tensor, and gains that see an average of gradients where these see the
        last step, which spares a number per weight. The decay, the small
        start and the wide range of the scale are this library's.
    """

    transforms_updates = True

    def __init__(
        self,
        inner_optimizer: Any,
        scale_learning_rate: float = 1.0,
        scale_decay_steps: float | None = 20,
        gain_learning_rate: float = 0.01,
        initial_scale: float = 0.001,
        scale_range: tuple[float, float] = (1e-10, 1e10),
        gain_range: tuple[float, float] = (0.01, 100.0),
        use_directions: bool = True,
        use_signs: bool = True,
        gains_on: str = "update",
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(inner_optimizer, name=name, **kwargs)
        self.scale_learning_rate = check_not_negative(
            "scale_learning_rate", scale_learning_rate
        )
        self.gain_learning_rate = check_not_negative(
            "gain_learning_rate", gain_learning_rate
        )
        if scale_decay_steps is not None:
            check_positive("scale_decay_steps", scale_decay_steps)
        self.scale_decay_steps = scale_decay_steps
        check_number(
            "initial_scale",
            initial_scale,
            lambda scale: not math.isnan(scale),
            "a number within `scale_range`",
        )
        self.scale_range = check_positive_range(
            "scale_range", scale_range, initial_scale
        )
        self.gain_range = check_positive_range("gain_range", gain_range, 1.0)
        self.initial_scale = initial_scale
        self.use_directions = check_flag("use_directions", use_directions)
        self.use_signs = check_flag("use_signs", use_signs)
        self.gains_on = check_choice(
            "gains_on", gains_on, ("update", "gradient")
        )

    def build_state(self, variables: list[Variable]) -> None:
        self.sizes = StepSizes(self, variables)

    @property
    def scale(self) -> Any:
        """`s`, of the next step's start."""
        return self.sizes.scale if self.built else self.initial_scale

    @property
    def effective_learning_rate(self) -> Tensor:
        """The learning rate that the scale makes of the inner optimizer's."""
        return self.learning_rate * ops.convert_to_tensor(self.scale)

    @property
    def gains_are_inside(self) -> bool:
        """Whether gains change the gradient."""
        return self.gains_on == "gradient" and self.gain_learning_rate > 0

    def transform_gradients(
        self, gradients: list[Tensor], variables: list[Variable]
    ) -> list[Tensor]:
        if not self.gains_are_inside:
            return gradients
        self.sizes.learn(gradients, variables)
        return [
            ops.cast(g * self.sizes.gain_of(v), g.dtype)
            for g, v in zip(gradients, variables, strict=True)
        ]

    def before_updates(
        self, gradients: list[Tensor], variables: list[Variable]
    ) -> None:
        if not self.gains_are_inside:
            self.sizes.learn(gradients, variables)

    def room_for_update(self, variable: Variable) -> Variable | None:
        return self.sizes.move_of(variable)

    def transform_update(
        self, update: Tensor, gradient: Tensor, variable: Variable
    ) -> Tensor:
        return self.sizes.step(update, variable)

    def transform_decay(self, decay: Tensor, variable: Variable) -> Tensor:
        return decay * ops.cast(self.scale, decay.dtype)

    def get_config(self) -> dict:
        return super().get_config() | {
            "scale_learning_rate": self.scale_learning_rate,
            "scale_decay_steps": self.scale_decay_steps,
            "gain_learning_rate": self.gain_learning_rate,
            "initial_scale": self.initial_scale,
            "scale_range": list(self.scale_range),
            "gain_range": list(self.gain_range),
            "use_directions": self.use_directions,
            "use_signs": self.use_signs,
            "gains_on": self.gains_on,
        }
