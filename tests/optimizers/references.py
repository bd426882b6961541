"""Optimizers as literal NumPy loops in float64, and ChildTuning's masks."""

import numpy as np


def sgd(learning_rate):
    """Returns a rule: from gradient, step and state to the update."""

    def update(gradient, step, state):
        return -learning_rate * gradient

    return update


def adam(learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    def update(gradient, step, state):
        m = state["m"] = beta_1 * state.get("m", 0) + (1 - beta_1) * gradient
        v = beta_2 * state.get("v", 0) + (1 - beta_2) * gradient**2
        state["v"] = v
        rate = learning_rate * np.sqrt(1 - beta_2 ** (step + 1))
        rate = rate / (1 - beta_1 ** (step + 1))
        return -rate * m / (np.sqrt(v) + epsilon)

    return update


def train(rule, weights, gradients, on_gradient=None, on_update=None, decay=0):
    """The weights after each step.

    Args:
        rule: Such as `sgd(0.1)`.
        weights: Starting weights.
        gradients: Of each step, one for each weight.
        on_gradient: `(gradient, step, index)` to the gradient the rule sees.
        on_update: `(update, step, index)` to what is added.
        decay: Learning rate times weight decay.
    """
    same = lambda x, step, index: x  # noqa: E731
    on_gradient, on_update = on_gradient or same, on_update or same
    weights = [np.array(w, "float64") for w in weights]
    states = [{} for _ in weights]
    for step, gradient in enumerate(gradients):
        for i, g in enumerate(gradient):
            g = on_gradient(np.asarray(g, "float64"), step, i)
            weights[i] += on_update(-decay * weights[i], step, i)
            weights[i] += on_update(rule(g, step, states[i]), step, i)
        yield [w.copy() for w in weights]


def lowbias32(x, key=0):
    """One to one on 32 bits; with key 0, as published."""
    x = int(x)
    x ^= x >> 16
    x = x * 0x7FEB352D & 0xFFFFFFFF
    x ^= key
    x ^= x >> 15
    x = x * 0x846CA68B & 0xFFFFFFFF
    return x ^ x >> 16


def mask(shape, rate, seed, step, index, start=0):
    """The mask of ChildTuning, entry by entry, from an entry on."""
    size = int(np.prod(shape))
    words = np.random.SeedSequence((seed, index)).generate_state(2)
    first, second = (lowbias32(int(w) ^ step) for w in words)
    keep = []
    for entry in range(start, start + size):
        word = lowbias32(entry // 2 ^ first, second)
        bits = word >> 16 if entry % 2 else word & 0xFFFF
        keep.append((bits ^ 0x8000) < round(rate * 65536))
    return np.array(keep, bool).reshape(shape)


def drawn(rate, seed):
    """Masks `x` by a fresh mask, and divides by the rate it keeps."""

    def masked(x, step, index):
        keep = mask(x.shape, rate, seed, step, index)
        return np.where(keep, x / (round(rate * 65536) / 65536), 0)

    return masked


def fixed(masks):
    """Masks `x` by the mask of its index."""
    return lambda x, step, index: np.where(masks[index], x, 0)


def exponentiated_gradient(constraint, learning_rate, beta=0.1):
    """Returns the `reference` of a case; its axis is the last."""

    def reference(weights, gradients):
        weights = [np.array(w, "float64") for w in weights]
        for gradient in gradients:
            for i, g in enumerate(gradient):
                factor = np.exp(-learning_rate * np.asarray(g, "float64"))
                if constraint == "signed":
                    plus = (np.hypot(weights[i], beta) + weights[i]) / 2
                    minus = beta**2 / 4 / plus
                    weights[i] = plus * factor - minus / factor
                else:
                    weights[i] = weights[i] * factor
                if constraint == "simplex":
                    weights[i] /= weights[i].sum(-1, keepdims=True)
            yield [w.copy() for w in weights]

    return reference


def meta_step_size(
    rule,
    gain_learning_rate=0.01,
    scale=0.001,
    scale_learning_rate=1.0,
    decay_steps=20,
):
    """Returns the `reference` of a case, with cosine and signs."""

    def reference(weights, gradients):
        weights = [np.array(w, "float64") for w in weights]
        gains = [np.ones_like(w) for w in weights]
        moves = [np.zeros_like(w) for w in weights]
        states = [{} for _ in weights]
        s = scale
        for step, gradient in enumerate(gradients):
            gradient = [np.asarray(g, "float64") for g in gradient]
            flat_g = np.concatenate([g.ravel() for g in gradient])
            flat_d = -np.concatenate([m.ravel() for m in moves])
            norms = np.linalg.norm(flat_g) * np.linalg.norm(flat_d)
            cosine = flat_g @ flat_d / norms if norms else 0.0
            rate = scale_learning_rate / (1 + step / decay_steps)
            s = np.clip(s * np.exp(rate * cosine), 1e-10, 1e10)
            for i, g in enumerate(gradient):
                agree = np.sign(g) * np.sign(-moves[i])
                gains[i] = np.clip(
                    gains[i] * np.exp(gain_learning_rate * agree), 0.01, 100
                )
                moves[i] = s * gains[i] * rule(g, step, states[i])
                weights[i] += moves[i]
            yield [w.copy() for w in weights]

    return reference
