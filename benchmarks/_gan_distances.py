"""How near GANs come to scikit-learn's digits, by what holds the critic."""

import keras
import numpy as np

from benchmarks._gan_steps import make
from keras_tricks.metrics import FrechetDistance

SHAPE, BATCH, WIDTH, RATE = (8, 8, 1), 64, 32, 1e-3
layers = keras.layers


def load():
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    images = images.reshape(-1, *SHAPE)[order] / 8 - 1
    return images.astype("float32"), labels[order].astype("int32")


def features(images, labels):
    """A small classifier without its last layer; always the same."""
    keras.utils.set_random_seed(0)
    net = [keras.Input(SHAPE)]
    net.append(layers.Conv2D(16, 3, padding="same", activation="relu"))
    net.append(layers.MaxPooling2D())
    net.append(layers.Conv2D(32, 3, padding="same", activation="relu"))
    net += [layers.Flatten(), layers.Dense(32, activation="relu")]
    net = keras.Sequential(net)
    model = keras.Sequential([net, layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    model.fit(images, labels, BATCH, epochs=12, verbose=0)
    return net


def curves(methods, steps, seeds, jit_compile):
    """(method, seed, [(step, distance)]) of GANs trained for some steps."""
    images, labels = load()
    metric = FrechetDistance(features(images, labels))
    for method in methods:
        for seed in range(seeds):
            gan = make(method, SHAPE, WIDTH, RATE, seed, jit_compile, ema=0.99)
            yield method, seed, curve(gan, images, metric, steps)


def curve(gan, images, metric, steps):
    """The distance at twenty points of the training, fewer if it is short."""
    every, points = max(steps // 20, 10), []
    rng = np.random.default_rng(0)
    for step in range(1, steps + 1):
        chosen = rng.choice(len(images), BATCH, replace=False)
        gan.train_on_batch(images[chosen])
        if step % every == 0:
            points.append((step, distance(gan, images, metric)))
    return points


def distance(gan, images, metric):
    samples = gan.generate(len(images), seed=1, batch_size=599)
    metric.reset_state()
    for at in range(0, len(images), 599):
        batch = slice(at, at + 599)
        metric.update_state(images[batch], samples[batch])
    return float(keras.ops.convert_to_numpy(metric.result()))
