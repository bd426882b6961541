"""Six ways to hold a critic, on the same nets, data, budget and seeds.

Without arguments: small GANs on the 8 × 8 digits that come with scikit-learn,
each with its critic held in another way. Prints the Fréchet distance of samples
of the generator's average on features of a small classifier that is trained
first (mean ± deviation over the seeds), the time of a step and the most memory
that its process held; draws samples of each, and how the distances fell.

    python examples/gan_digits.py
    python examples/gan_digits.py --data mnist:FOLDER --steps 3000 --width 16
    python examples/gan_digits.py --data cifar10_jpeg:FOLDER --width 32

A folder holds the originals, as `images.py` says. Methods run two at a time,
each in a process of its own. `KERAS_BACKEND` chooses tensorflow, jax or torch.
"""

import argparse
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import keras
import numpy as np

from gan_methods import METHODS
from gan_methods import Watch
from gan_methods import make
from gan_methods import peak_mebibytes
from gan_pictures import draw_curves
from gan_pictures import draw_samples
from images import load
from keras_tricks.metrics import FrechetDistance

layers = keras.layers


def train_classifier(images, labels, path):
    """Train a small classifier, and save it without its last layer."""
    keras.utils.set_random_seed(0)
    net = [keras.Input(images.shape[1:])]
    for width in (16, 32):
        net.append(layers.Conv2D(width, 3, padding="same", activation="relu"))
        net.append(layers.MaxPooling2D())
    net += [layers.Flatten(), layers.Dense(32, activation="relu")]
    features = keras.Sequential(net)
    model = keras.Sequential([features, layers.Dense(int(labels.max()) + 1)])
    model.compile(
        keras.optimizers.Adam(3e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    held = len(images) // 5
    epochs = max(2, 20_000 // len(images))
    model.fit(images[held:], labels[held:], 64, epochs=epochs, verbose=0)
    _, accuracy = model.evaluate(images[:held], labels[:held], verbose=0)
    features.save(path)
    return accuracy


def train(method, arguments, images, extractor):
    """Train GANs with one method, one for each seed; how it went."""
    metric = FrechetDistance(keras.saving.load_model(extractor))
    runs = []
    for seed in range(arguments.seeds):
        gan = make(method, images.shape[1:], arguments.width, seed)
        watch = Watch(metric, images[:1000], max(arguments.steps // 10, 1))
        steps = -(-len(images) // arguments.batch)
        gan.fit(
            images,
            batch_size=arguments.batch,
            epochs=-(-arguments.steps // steps),
            callbacks=[watch],
            verbose=0,
        )
        watch.measure()
        runs.append(watch)
        if seed == 0:
            samples = gan.generate(48, seed=2)
    return {
        "steps": runs[0].steps,
        "distances": [run.distances for run in runs],
        "last": [run.distances[-1] for run in runs],
        "milliseconds": np.median([run.milliseconds() for run in runs]),
        "mebibytes": peak_mebibytes(),
        "samples": samples,
    }


def train_all(arguments, images, extractor):
    """The results of the methods, in processes of their own."""
    # For the children: one core each.
    os.environ.update(OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1")
    with ProcessPoolExecutor(
        arguments.processes,
        multiprocessing.get_context("spawn"),
        max_tasks_per_child=1,
    ) as pool:
        waiting = {
            method: pool.submit(train, method, arguments, images, extractor)
            for method in arguments.methods
        }
        for method, task in waiting.items():
            result = task.result()
            distance, deviation = (
                np.mean(result["last"]),
                np.std(result["last"]),
            )
            result["title"] = f"{method}: {distance:.2f} ± {deviation:.2f}"
            print(
                f"{METHODS[method]:24}{distance:8.2f} ± {deviation:5.2f}"
                f"{result['milliseconds']:10.1f}{result['mebibytes']:8.0f}",
                flush=True,
            )
            yield method, result


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default="digits")
    parser.add_argument("--limit", type=int, default=20_000, help="images")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path("outputs"))
    arguments = parser.parse_args()

    images, labels = load(arguments.data, arguments.limit)
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], labels[order]
    arguments.output.mkdir(parents=True, exist_ok=True)
    extractor = arguments.output / "features.keras"
    accuracy = train_classifier(images, labels, extractor)
    print(
        f"Backend: {keras.config.backend()}. {len(images)} images; their "
        f"classifier is right on {100 * accuracy:.1f} % of others.\n\n"
        f"{'critic held by':24}{'distance':>16}{'ms a step':>10}{'MiB':>8}"
    )
    found = dict(train_all(arguments, images, extractor))
    panels = {"real": images} | {
        r["title"]: r["samples"] for r in found.values()
    }
    draw_samples(panels, arguments.output / "gan_samples.png")
    draw_curves(
        {m: (r["steps"], r["distances"]) for m, r in found.items()},
        arguments.output / "gan_distances.png",
    )
    print(f"\nPictures: {arguments.output}/gan_samples.png, gan_distances.png")


if __name__ == "__main__":
    main()
