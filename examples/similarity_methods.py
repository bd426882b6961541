"""Four ways to train an encoder on graded pairs of sentences.

Three train vectors and compare them by their cosine, so that a text is encoded
once however many it is compared with. The fourth reads both texts at once.
"""

import keras
import numpy as np

from keras_tricks.layers import PairFeatures
from keras_tricks.losses import CoSENT
from keras_tricks.metrics import SpearmanCorrelation
from keras_tricks.text import LengthBatches


def unzip(pairs):
    """First texts, second texts, and grades as an array."""
    firsts, seconds, grades = zip(*pairs, strict=True)
    return list(firsts), list(seconds), np.array(grades, "float32")


def spearman(grades, scores):
    """Spearman's rank correlation."""
    metric = SpearmanCorrelation()
    metric.update_state(grades, scores)
    return float(metric.result())


class Ranking:
    """The cosine, trained by CoSENT to be in the order of the grades."""

    name = "CoSENT"
    reads = "sentences"

    def __init__(self, encoder, grades):
        self.encoder = encoder
        self.low, self.high = grades
        self.trained = self.model()

    def model(self):
        """What is trained: all of the encoder, with another head on it."""
        return self.encoder

    def loss(self):
        return CoSENT()

    def targets(self, grades):
        """What grades are to the loss."""
        return grades

    def inputs(self, firsts, seconds):
        """Features of pairs, as the trained model takes them."""
        names = self.encoder.feature_names
        sides = map(self.encoder.preprocessor, (firsts, seconds))
        return tuple({name: side[name] for name in names} for side in sides)

    def scores(self, firsts, seconds):
        """How similar each first text is to its second one."""
        return self.encoder.predict((firsts, seconds), verbose=0)

    def read(self, firsts, seconds):
        """Do what is to be done for each text; returns how many there are."""
        return len(self.encoder.encode(firsts + seconds, verbose=0))


class Regression(Ranking):
    """The cosine, trained to be the grade itself, from 0 to 1."""

    name = "cosine regression"

    def loss(self):
        return keras.losses.MeanSquaredError()

    def targets(self, grades):
        return (grades - self.low) / (self.high - self.low)


class Classification(Ranking):
    """A softmax over whole grades on u, v, |u − v|; used by its cosine."""

    name = "Sentence-BERT head"

    def model(self):
        vectors = self.encoder.get_layer("similarity").input
        count = round(self.high - self.low) + 1
        head = keras.layers.Dense(count, "softmax", name="grades")
        return keras.Model(self.encoder.input, head(PairFeatures()(vectors)))

    def loss(self):
        return keras.losses.SparseCategoricalCrossentropy()

    def targets(self, grades):
        return np.round(grades - self.low)


class Interaction(Ranking):
    """One score for both texts read as one, trained by CoSENT."""

    name = "interaction"
    reads = "pairs"

    def model(self):
        # The scale is that of cosines, which are at most 1; a score has none.
        of_both = self.encoder.encoder
        score = keras.layers.Dense(1, name="score")(of_both.output)
        return keras.Model(of_both.input, keras.layers.Reshape(())(score))

    def loss(self):
        return CoSENT(scale=1.0)

    def inputs(self, firsts, seconds):
        both = self.encoder.preprocessor(firsts, seconds)
        return {name: both[name] for name in self.encoder.feature_names}

    def scores(self, firsts, seconds):
        batches = LengthBatches(self.inputs(firsts, seconds))
        return batches.restore(self.trained.predict(batches, verbose=0))

    def read(self, firsts, seconds):
        return len(self.scores(firsts, seconds))


METHODS = (Ranking, Regression, Classification, Interaction)


def train(method, pairs, rate, epochs, batch_size, verbose=2):
    """Fit with a rate that rises for a tenth of the steps, then falls to 0."""
    firsts, seconds, grades = unzip(pairs)
    batches = LengthBatches(
        method.inputs(firsts, seconds),
        method.targets(grades),
        batch_size=batch_size,
        shuffle=True,
    )
    steps = epochs * len(batches)
    rise = max(steps // 10, 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - rise, 1), warmup_target=rate, warmup_steps=rise
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01)
    method.trained.compile(optimizer, method.loss(), metrics=[])
    method.trained.fit(batches, epochs=epochs, shuffle=False, verbose=verbose)
