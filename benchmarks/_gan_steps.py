"""GANs for small images, their critics held in several ways."""

import keras
import numpy as np
from keras import ops

from keras_tricks.constraints import WeightClipping
from keras_tricks.layers import GradientNormalization
from keras_tricks.models import GAN
from keras_tricks.regularizers import GradientPenalty

METHODS = ("none", "spectral", "penalty", "clipping", "gn", "gran")
# The published PyTorch code's way.
LITERAL = "gn, published way"
LATENT = 64

layers = keras.layers


def generator(shape, width):
    """From noise to images whose sides are a multiple of 4."""
    side, _, channels = shape
    sizes = [side // 8, side // 4, side // 2] if side > 16 else [side // 4, 4]
    first = sizes[0] ** 2 * width * 2 ** (len(sizes) - 1)
    net = [keras.Input((LATENT,)), layers.Dense(first, activation="relu")]
    net.append(layers.Reshape((sizes[0], sizes[0], -1)))
    for power in reversed(range(len(sizes) - 1)):
        features = width * 2**power
        net.append(layers.Conv2DTranspose(features, 4, 2, "same"))
        net.append(layers.ReLU())
    last = {"activation": "tanh"}
    net.append(layers.Conv2DTranspose(channels, 4, 2, "same", **last))
    return keras.Sequential(net)


def critic(shape, width, method):
    clip = WeightClipping(0.05) if method == "clipping" else None
    hold = {"kernel_constraint": clip, "bias_constraint": clip}

    def wrap(layer):
        spectral = layers.SpectralNormalization
        return spectral(layer) if method == "spectral" else layer

    net = [keras.Input(shape)]
    sizes = (
        ((1, 1), (2, 2), (4, 2), (4, 2)) if shape[0] > 16 else ((1, 1), (2, 2))
    )
    for factor, strides in sizes:
        convolution = layers.Conv2D(factor * width, 3, strides, "same", **hold)
        net += [wrap(convolution), layers.LeakyReLU(0.1)]
    net = keras.Sequential(
        [*net, layers.Flatten(), wrap(layers.Dense(1, **hold))]
    )
    if method in ("gn", "gran"):
        return GradientNormalization(net, variant=method)
    return net


def make(method, shape, width, rate=2e-4, seed=0, jit_compile="auto", **more):
    """A compiled GAN; the penalty and clipping train with their own loss."""
    keras.utils.set_random_seed(seed)
    made = Literal if method == LITERAL else GAN
    nets = generator(shape, width), critic(shape, width, method)
    gan = made(*nets, LATENT, seed=seed, **more)
    gan.compile(
        keras.optimizers.Adam(rate, 0.0, 0.9),
        keras.optimizers.Adam(rate, 0.0, 0.9),
        "wasserstein" if method in ("penalty", "clipping") else "hinge",
        GradientPenalty(seed=seed) if method == "penalty" else None,
        jit_compile=jit_compile,
    )
    return gan


def training_step(method, shape, batch, width, jit_compile):
    """One step of both nets on images, as a function."""
    gan = make(method, shape, width, jit_compile=jit_compile)
    images = np.random.default_rng(0).uniform(-1, 1, (batch, *shape))
    images = images.astype("float32")
    return lambda: gan.train_on_batch(images)


class Literal(GAN):
    """Gradient normalization as the published PyTorch code does it.

    The whole net is differentiated twice in both steps, and every leaf, the
    images too, is given its gradient.
    """

    def learn_critic(self, real, conditions):
        fake = ops.stop_gradient(self.fake(real, conditions))
        scores = self.normalized_scores(ops.concatenate([real, fake]))
        loss = self.d_loss(scores[: len(real)], scores[len(real) :])
        return self.descend(loss, self.d_optimizer, self.discriminator)

    def learn_generator(self, real, conditions):
        for v in self.discriminator.trainable_variables:
            v.value.requires_grad_(False)
        loss = self.g_loss(self.normalized_scores(self.fake(real, conditions)))
        loss = self.descend(loss, self.g_optimizer, self.generator)
        for v in self.discriminator.trainable_variables:
            v.value.requires_grad_(True)
        return loss

    def normalized_scores(self, x):
        import torch

        if not x.requires_grad:
            x.requires_grad_(True)
        f = self.discriminator(x, training=True)
        (gradient,) = torch.autograd.grad(
            f, [x], torch.ones_like(f), create_graph=True, retain_graph=True
        )
        n = torch.norm(gradient.flatten(1), p=2, dim=1)[:, None]
        return f / (n + f.abs())

    def descend(self, loss, optimizer, net):
        import torch

        for v in net.trainable_variables:
            v.value.grad = None
        loss.backward()
        gradients = [v.value.grad for v in net.trainable_variables]
        with torch.no_grad():
            optimizer.apply(gradients, net.trainable_variables)
        return loss.detach()
