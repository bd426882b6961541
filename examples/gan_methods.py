"""One GAN for small images, its critic held in one of several ways."""

import resource
import sys
import time

import keras
import numpy as np

from keras_tricks.constraints import WeightClipping
from keras_tricks.layers import GradientNormalization
from keras_tricks.models import GAN
from keras_tricks.regularizers import GradientPenalty

layers = keras.layers
LATENT = 32
METHODS = {
    "gn": "GradientNormalization",
    "gran": "the same, variant GraN",
    "spectral": "spectral normalization",
    "penalty": "gradient penalty",
    "clipping": "weight clipping",
    "none": "nothing",
}


def generator(shape, width):
    """From noise to images whose sides are a multiple of 4."""
    side, _, channels = shape
    small = side // 4
    net = [keras.Input((LATENT,)), layers.Dense(small * small * 4 * width)]
    net += [layers.BatchNormalization(), layers.ReLU()]
    net += [layers.Reshape((small, small, 4 * width))]
    net += [layers.Conv2DTranspose(2 * width, 4, 2, "same")]
    net += [layers.BatchNormalization(), layers.ReLU()]
    last = {"activation": "tanh", "dtype": "float32"}
    net += [layers.Conv2DTranspose(channels, 4, 2, "same", **last)]
    return keras.Sequential(net)


def critic(shape, width, method):
    """The same net for each method, but for what holds it."""
    clip = WeightClipping(0.05) if method == "clipping" else None
    hold = {"kernel_constraint": clip, "bias_constraint": clip}

    def wrap(layer):
        spectral = layers.SpectralNormalization
        return spectral(layer) if method == "spectral" else layer

    net = [keras.Input(shape)]
    for features, strides in ((width, 1), (2 * width, 2), (4 * width, 2)):
        convolution = layers.Conv2D(features, 3, strides, "same", **hold)
        net += [wrap(convolution), layers.LeakyReLU(0.1)]
    net += [layers.Flatten(), wrap(layers.Dense(1, **hold))]
    net = keras.Sequential(net)
    if method in ("gn", "gran"):
        return GradientNormalization(net, variant=method)
    return net


def make(method, shape, width, seed):
    """A compiled GAN: the penalty and clipping with their own loss."""
    keras.utils.set_random_seed(seed)
    net = critic(shape, width, method)
    gan = GAN(generator(shape, width), net, LATENT, ema=0.99, seed=seed)
    own = method in ("penalty", "clipping")
    gan.compile(
        keras.optimizers.Adam(1e-3, 0.0, 0.9),
        keras.optimizers.Adam(1e-3, 0.0, 0.9),
        loss="wasserstein" if own else "hinge",
        penalty=GradientPenalty(10.0) if method == "penalty" else None,
    )
    return gan


class Watch(keras.callbacks.Callback):
    """The distance of samples every few steps, and the time of the steps."""

    def __init__(self, metric, images, every):
        super().__init__()
        self.metric, self.images, self.every = metric, images, every
        self.steps, self.distances, self.seconds = [], [], []
        self.count = 0

    def on_train_batch_begin(self, batch, logs=None):
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.seconds.append(time.perf_counter() - self.started)
        self.count += 1
        if self.count % self.every == 0:
            self.measure()

    def measure(self):
        samples = self.model.generate(len(self.images), seed=1, batch_size=256)
        self.metric.reset_state()
        for at in range(0, len(samples), 256):
            batch = slice(at, at + 256)
            self.metric.update_state(self.images[batch], samples[batch])
        distance = keras.ops.convert_to_numpy(self.metric.result())
        self.steps.append(self.count)
        self.distances.append(float(distance))

    def milliseconds(self):
        """Of a step, the median without the first ones, which compile."""
        return 1e3 * float(np.median(self.seconds[len(self.seconds) // 4 :]))


def peak_mebibytes():
    """The largest resident set of this process so far."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (2**20 if sys.platform == "darwin" else 2**10)
