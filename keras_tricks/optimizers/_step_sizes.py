"""The scale and the gains of `MetaStepSize`, and how they are learnt."""

import math
from typing import Any

import keras
from keras import ops

from keras_tricks._backend import divide_by_agreement
from keras_tricks._backend import store_product

Tensor = Any
Variable = Any


class StepSizes:
    """`s`, `p` and the step before, in the state of an optimizer.

    Args:
        rule: The `MetaStepSize`.
        variables: The variables it is built for.
    """

    def __init__(self, rule: Any, variables: list[Variable]):
        self.rule = rule
        self.positions = {id(v): i for i, v in enumerate(variables)}
        initial = keras.initializers.Constant(rule.initial_scale)
        self.scale = rule.add_scalar("scale", initial)
        self.moves = [
            rule.add_slot(v, "move", dtype=at_least_float32(v))
            for v in variables
        ]
        self.gains = []
        if rule.gain_learning_rate:
            self.gains = [
                rule.add_slot(v, "gain", "ones", at_least_float32(v))
                for v in variables
            ]

    def move_of(self, variable: Variable) -> Variable:
        """−d of a variable, or u / η if what is learnt needs it."""
        return self.moves[self.positions[id(variable)]]

    def gain_of(self, variable: Variable) -> Variable:
        return self.gains[self.positions[id(variable)]]

    def learn(self, gradients: list[Tensor], variables: list[Variable]) -> None:
        """Set scale and gains by the gradients at the end of the last step."""
        moves = [ops.convert_to_tensor(self.move_of(v)) for v in variables]
        gradients = [
            ops.cast(g, move.dtype)
            for g, move in zip(gradients, moves, strict=True)
        ]
        if self.rule.scale_learning_rate:
            growth = self.agreement(gradients, moves) * self.scale_rate()
            s = self.scale * ops.exp(growth)
            self.scale.assign(ops.clip(s, *self.rule.scale_range))
        if self.rule.gain_learning_rate:
            for v, g, move in zip(variables, gradients, moves, strict=True):
                self.learn_gain(self.gain_of(v), g, move)

    def learn_gain(self, gain: Variable, g: Tensor, move: Tensor) -> None:
        rate, bounds = self.rule.gain_learning_rate, self.rule.gain_range
        if self.rule.use_signs:
            divide_by_agreement(gain, g, move, rate, *bounds)
        else:
            p = gain * ops.exp(-rate * g * move)
            gain.assign(ops.clip(p, *bounds))

    def agreement(self, gradients: list[Tensor], moves: list[Tensor]) -> Tensor:
        """`cos(g, d)`, or `⟨g, −u⟩`."""
        g_d = -inner_product(gradients, moves)
        if self.rule.use_directions:
            norm = ops.sqrt(inner_product(gradients, gradients))
            norm = norm * ops.sqrt(inner_product(moves, moves))
            # Squares may underflow where the product does not.
            g_d = ops.clip(g_d / norm, -1.0, 1.0)
        elif self.keeps_rates:
            g_d = g_d * self.rule.learning_rate
        return ops.where(ops.isfinite(g_d), g_d, 0.0)

    def scale_rate(self) -> Any:
        rate, tau = self.rule.scale_learning_rate, self.rule.scale_decay_steps
        if tau is None:
            return rate
        return rate / (1 + ops.cast(self.rule.iterations, "float32") / tau)

    @property
    def keeps_rates(self) -> bool:
        """Whether moves are kept as `u / η`, and not as they are taken."""
        return not (self.rule.use_directions and self.rule.use_signs)

    def step(self, update: Tensor, variable: Variable) -> Tensor:
        """−d, from the inner optimizer's update."""
        kept = self.move_of(variable)
        u = ops.cast(update, kept.dtype)
        factors = [ops.convert_to_tensor(self.scale)]
        if self.gains and not self.rule.gains_are_inside:
            factors.append(ops.convert_to_tensor(self.gain_of(variable)))
        if self.keeps_rates:
            move = math.prod(factors, start=u)
            kept.assign(self.rate_of(u))
        else:
            move = store_product(kept, u, *factors)
        return ops.cast(move, update.dtype)

    def rate_of(self, u: Tensor) -> Tensor:
        lr = ops.cast(self.rule.learning_rate, u.dtype)
        return ops.where(lr > 0, u / ops.where(lr > 0, lr, 1.0), 0.0)


def inner_product(xs: list[Tensor], ys: list[Tensor]) -> Tensor:
    """⟨x, y⟩ over all variables."""
    return sum(
        ops.sum(ops.cast(x * y, "float32")) for x, y in zip(xs, ys, strict=True)
    )


def at_least_float32(variable: Variable) -> str:
    """Small steps and gains near 1 are lost in half precision."""
    return "float64" if variable.dtype == "float64" else "float32"
