"""Fine-tuning of a part of the weights, chosen by chance or by rank."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_tricks._backend import select
from keras_tricks._checks import check_choice
from keras_tricks._checks import check_number
from keras_tricks.optimizers._child import Child
from keras_tricks.optimizers._child import checked_scores
from keras_tricks.optimizers._masks import checked_seed
from keras_tricks.optimizers._masks import draw_mask
from keras_tricks.optimizers._masks import kept_rate
from keras_tricks.optimizers.wrapper import OptimizerWrapper

Tensor = Any
Variable = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class ChildTuning(OptimizerWrapper):
    """Maps an optimizer to one that moves a part of the weights, the child.

    ```
    task_free:    m ~ Bernoulli(p) at each step,  c = m / p
    task_driven:  m = 1 for the p weights of greatest Fisher information, else 0
                  c = m
    gradient:     θ ← θ + u(c · g)
    update:       θ ← θ + c · u(g)
    ```

    with gradient g, the update u of the inner optimizer, weights θ and mask m,
    entry by entry. Fine-tuning a large model on few examples forgets and
    overfits; moving fewer weights, or each of them less often, is meant to keep
    more of what it knew.

    What the mask is put on matters, above all with Adam. On the **gradient**,
    as published, it acts after clipping and before the moments. Adam divides by
    the root of the mean square, so a task-free mask makes the mean step about
    √p of what it was, whether or not the gradient is divided by p: mostly a
    smaller learning rate, with no entry at rest, since momentum moves it on. On
    the **update** entries do rest, Adam's moments see every gradient, the mean
    step stays and its spread grows; that is the idea as it is told. Task-driven
    masks differ less: Adam has no moments where the gradient is always zero, so
    weights within the child move alike. Weight decay is all that differs: it
    moves the other weights with `"gradient"`, by a share of `ηλ` a step, and
    never with `"update"`, where it is masked like the rest of the step.

    When it does not help: with enough data. In the post's own runs, single
    ones, either mask changed the score of six of seven Chinese tasks by less
    than a point, up and down, and lowered that of the smallest by 1.3 to 3.
    Try it where examples are few, against several seeds of the plain optimizer.

    A task-free mask is a hash of seed, step and position. It takes no memory,
    is the same on every backend, and goes on after a restart where it was. A
    task-driven one takes one byte per weight, is set once by `choose_child`,
    and is saved with the optimizer.

    Args:
        inner_optimizer: An optimizer, its name or its configuration. It may be
            a wrapper itself, but no `LossScaleOptimizer`: scale outside.
        reserve_p: The fraction of weights that a step moves, above 0, at most
            1; 1 is the inner optimizer. Task-free masks round it to a multiple
            of 2⁻¹⁶.
        mode: `"task_free"` or `"task_driven"`. Defaults to `"task_free"`.
        apply_to: `"gradient"` or `"update"`. Defaults to `"gradient"`.
        seed: Integer from 0 to 2³² − 1, of task-free masks. `None` draws one,
            which is kept in the configuration. Defaults to `None`.
        name: Optional name. Defaults to `None`.
        **kwargs: Refused: `clipnorm` and the like belong to `inner_optimizer`.

    Returns:
        An optimizer for `compile`.

    Raises:
        ValueError: If an argument is not one of the above, or a task-driven
            step is taken before `choose_child`.

    Example:

    >>> import keras
    >>> from keras_tricks.optimizers import ChildTuning
    >>> weights = keras.Variable([1.0, 1.0, 1.0, 1.0])
    >>> optimizer = ChildTuning(
    ...     keras.optimizers.SGD(0.1), reserve_p=0.5, mode="task_driven"
    ... )
    >>> optimizer.choose_child([weights], [[0.3, 0.0, 2.0, 0.1]])
    >>> optimizer.apply([keras.ops.ones(4)], [weights])
    >>> [round(float(w), 2) for w in keras.ops.convert_to_numpy(weights)]
    [0.9, 1.0, 0.9, 1.0]

    Reference:
        Xu et al., 2021: https://arxiv.org/abs/2109.05687; Su Jianlin, 2021:
        https://kexue.fm/archives/8764. The post divides by p in both modes;
        here, as in the published code, in the task-free mode alone.
        `apply_to="update"` is the post's proposal.
    """

    child: Child | None = None

    def __init__(
        self,
        inner_optimizer: Any,
        reserve_p: float,
        mode: str = "task_free",
        apply_to: str = "gradient",
        seed: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(inner_optimizer, name=name, **kwargs)
        check_number(
            "reserve_p",
            reserve_p,
            lambda p: 0 < p <= 1,
            "above 0 and at most 1",
        )
        self.reserve_p = float(reserve_p)
        self.mode = check_choice("mode", mode, ("task_free", "task_driven"))
        self.apply_to = check_choice(
            "apply_to", apply_to, ("gradient", "update")
        )
        self.seed = checked_seed(seed)
        self.transforms_updates = apply_to == "update"
        self.active = reserve_p < 1

    def build_state(self, variables: list[Variable]) -> None:
        self.positions = {id(v): i for i, v in enumerate(variables)}
        if self.mode == "task_driven":
            self.child = Child(self, variables)

    def choose_child(
        self, variables: Sequence[Variable], information: Sequence[Any]
    ) -> None:
        """Fix the mask: the `reserve_p` weights of greatest information.

        Args:
            variables: The model's `trainable_variables`.
            information: For each an array of its shape, not negative, such as
                `fisher_information` returns. Weights with `inf` are always
                chosen, those with less than the last place never.
        """
        scores = checked_scores(variables, information)
        if self.mode != "task_driven":
            raise ValueError(
                "`choose_child` must be called with mode='task_driven'. "
                f"Received: mode={self.mode!r}"
            )
        self.build(variables)
        if self.child:
            self.child.choose(variables, scores, self.reserve_p)

    def transform_gradients(
        self, gradients: list[Tensor], variables: list[Variable]
    ) -> list[Tensor]:
        if self.transforms_updates:
            return gradients
        return [
            self.masked(g, v) for g, v in zip(gradients, variables, strict=True)
        ]

    def transform_update(
        self, update: Tensor, gradient: Tensor, variable: Variable
    ) -> Tensor:
        return (
            self.masked(update, variable) if self.transforms_updates else update
        )

    def transform_decay(self, decay: Tensor, variable: Variable) -> Tensor:
        return (
            self.masked(decay, variable) if self.transforms_updates else decay
        )

    def masked(self, x: Tensor, variable: Variable) -> Tensor:
        """`x` where the mask of `variable` is, divided by p if it was drawn."""
        if self.child:
            return self.child.masked(x, variable)
        index = self.positions[id(variable)]
        mask = draw_mask(
            x.shape, self.reserve_p, self.seed, self.iterations, index
        )
        # The update of a rule may be a variable, such as a momentum.
        x = ops.convert_to_tensor(x)
        return select(mask, x, kept_rate(self.reserve_p))

    @property
    def variables(self) -> list[Variable]:
        # JAX' trainer comes by here before it takes the values away.
        if self.child:
            self.child.look()
        return super().variables

    def load_own_variables(self, store: Any) -> None:
        # What is loaded next, with the inner optimizer, decides.
        if self.child:
            self.child.is_chosen = False

    def get_config(self) -> dict:
        return super().get_config() | {
            "reserve_p": self.reserve_p,
            "mode": self.mode,
            "apply_to": self.apply_to,
            "seed": self.seed,
        }
