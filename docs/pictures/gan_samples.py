"""Draw the digits of a small GAN with `GradientNormalization`, as it learns."""

import keras
import numpy as np
from sklearn.datasets import load_digits

from _style import pyplot
from _style import save
from keras_tricks.layers import GradientNormalization
from keras_tricks.models import GAN

EPOCHS = (1, 10, 100)


def dense(units, activation=None):
    return keras.layers.Dense(units, activation=activation)


def main():
    keras.utils.set_random_seed(0)
    images, _ = load_digits(return_X_y=True)
    x = (images / 8 - 1).astype("float32")
    generator = keras.Sequential(
        [dense(128, "relu"), dense(128, "relu"), dense(64, "tanh")]
    )
    critic = keras.Sequential(
        [dense(128, "leaky_relu"), dense(128, "leaky_relu"), dense(1)]
    )
    gan = GAN(generator, GradientNormalization(critic), 16, ema=0.99, seed=0)
    gan.compile(
        keras.optimizers.Adam(4e-4, beta_1=0.0, beta_2=0.9),
        keras.optimizers.Adam(4e-4, beta_1=0.0, beta_2=0.9),
    )
    grids = {"real": x[:36]}
    done = 0
    for epoch in EPOCHS:
        history = gan.fit(x, batch_size=64, epochs=epoch - done, verbose=0)
        done = epoch
        grids[f"epoch {epoch}"] = gan.generate(36, seed=1)
        print(epoch, {k: v[-1] for k, v in history.history.items()})
    figure, axes = pyplot.subplots(1, len(grids), figsize=(10, 2.9))
    for axis, (name, rows) in zip(axes, grids.items(), strict=True):
        tiles = np.asarray(rows).reshape(6, 6, 8, 8)
        edge = (0, 0), (0, 0), (1, 1), (1, 1)
        tiles = np.pad(tiles, edge, constant_values=-0.7)
        tiles = tiles.transpose(0, 2, 1, 3).reshape(60, 60)
        axis.imshow(tiles, cmap="gray_r", vmin=-1, vmax=1)
        axis.set_title(name)
        axis.axis("off")
    figure.tight_layout()
    save(figure, "gan_samples")


if __name__ == "__main__":
    main()
