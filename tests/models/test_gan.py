"""GAN."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_tricks.layers import GradientNormalization
from keras_tricks.models import GAN
from keras_tricks.models._gan_losses import LOSSES
from keras_tricks.regularizers import GradientPenalty
from tests.checks.steps import compile_modes

dense = keras.layers.Dense
SGD, Adam = keras.optimizers.SGD, keras.optimizers.Adam


def real_samples(size=6):
    rng = np.random.default_rng(0)
    return rng.normal(1.0, 0.5, (size, 2)).astype("float32")


def nets(critic=GradientNormalization, **dtype):
    generator = keras.Sequential([dense(5, "relu", **dtype), dense(2, **dtype)])
    net = [dense(6, "leaky_relu", **dtype), dense(1, **dtype)]
    return generator, critic(keras.Sequential(net))


def make(critic=GradientNormalization, seed=1, **arguments):
    gan = GAN(*nets(critic), latent_dim=3, seed=seed, **arguments)
    rng = np.random.default_rng(2)
    for net in (gan.generator, gan.discriminator):
        net.set_weights(
            [rng.normal(0, 0.5, w.shape) for w in net.get_weights()]
        )
    for average, v in zip(
        gan.ema_weights, gan.generator.trainable_variables, strict=False
    ):
        average.assign(ops.convert_to_numpy(v))
    return gan


def weights_of(gan):
    weights = [*gan.get_weights(), *(v.value for v in gan.optimizer.variables)]
    return [np.array(ops.convert_to_numpy(w)) for w in weights]


# The step, again, in NumPy and float64, by finite differences.


def generated(weights, z):
    A, a, B, b = weights
    return np.maximum(z @ A + a, 0) @ B + b


def scores(weights, x):
    A, a, B, b = weights
    h = x @ A + a
    f = (np.where(h > 0, h, 0.2 * h) @ B + b)[:, 0]
    g = (np.where(h > 0, 1, 0.2) * B[:, 0]) @ A.T
    n = np.linalg.norm(g, axis=1)
    return f / (n + np.abs(f) + 1e-6)


def descended(weights, loss, rate):
    """The weights after one step of gradient descent."""
    gradients = []
    for w in weights:
        gradient = np.zeros_like(w)
        for at in np.ndindex(w.shape):
            kept, values = w[at], []
            for step in (1e-6, -1e-6):
                w[at] = kept + step
                values.append(loss(weights))
            w[at] = kept
            gradient[at] = (values[0] - values[1]) / 2e-6
        gradients.append(gradient)
    return [w - rate * g for w, g in zip(weights, gradients, strict=True)]


def critic_loss(name, real, fake):
    if name == "hinge":
        return np.mean(np.maximum(0, 1 - real) + np.maximum(0, 1 + fake))
    if name == "wasserstein":
        return np.mean(fake - real)
    return np.mean(np.log1p(np.exp(-real)) + np.log1p(np.exp(fake)))


def generator_loss(name, fake):
    if name == "non_saturating":
        return np.mean(np.log1p(np.exp(-fake)))
    return -np.mean(fake)


class FixedNoise(GAN):
    """A GAN whose noise is known."""

    z = np.random.default_rng(3).normal(size=(6, 3)).astype("float32")

    def noise(self, size):
        return ops.convert_to_tensor(self.z)


@pytest.mark.parametrize("loss", list(LOSSES))
def test_a_step_follows_its_formula(loss):
    gan = FixedNoise(*nets(), latent_dim=3, num_critic_steps=2, ema=0.75)
    rng = np.random.default_rng(2)
    for net in (gan.generator, gan.discriminator):
        net.set_weights(
            [rng.normal(0, 0.5, w.shape) for w in net.get_weights()]
        )
    start = [np.array(w, "float64") for w in gan.generator.get_weights()]
    for average, w in zip(gan.ema_weights, start, strict=True):
        average.assign(w)
    critic = [np.array(w, "float64") for w in gan.discriminator.get_weights()]
    gan.compile(SGD(0.1), SGD(0.2), loss)
    x, z = real_samples(), FixedNoise.z
    logs = gan.train_on_batch(x, return_dict=True)

    fake = generated(start, z)
    for _ in range(2):
        d_loss = critic_loss(loss, scores(critic, x), scores(critic, fake))
        critic = descended(
            critic,
            lambda w: critic_loss(loss, scores(w, x), scores(w, fake)),
            0.1,
        )
    generator = descended(
        [w.copy() for w in start],
        lambda w: generator_loss(loss, scores(critic, generated(w, z))),
        0.2,
    )
    g_loss = generator_loss(loss, scores(critic, fake))
    average = [
        0.75 * v + 0.25 * w for v, w in zip(start, generator, strict=True)
    ]
    for found, expected in (
        (gan.discriminator.get_weights(), critic),
        (gan.generator.get_weights(), generator),
        ([v.value for v in gan.ema_weights], average),
    ):
        for w, v in zip(found, expected, strict=True):
            np.testing.assert_allclose(ops.convert_to_numpy(w), v, atol=1e-5)
    assert logs["d_loss"] == pytest.approx(d_loss, abs=1e-5)
    assert logs["g_loss"] == pytest.approx(g_loss, abs=1e-5)
    found = gan.predict(z, verbose=0)
    np.testing.assert_allclose(found, generated(average, z), atol=1e-5)
    # Evaluation changes no weight.
    before = weights_of(gan)
    logs = gan.evaluate(x, batch_size=6, return_dict=True, verbose=0)
    expected = critic_loss(
        loss, scores(critic, x), scores(critic, generated(average, z))
    )
    assert logs["d_loss"] == pytest.approx(expected, abs=1e-5)
    for v, w in zip(before, weights_of(gan), strict=True):
        np.testing.assert_array_equal(v, w)


def test_runs_compiled_as_eagerly():
    results = []
    modes = [dict(run_eagerly=True)]
    modes += [dict(jit_compile=jit) for jit in compile_modes()]
    for mode in modes:
        gan = FixedNoise(*nets(), latent_dim=3, ema=0.5)
        rng = np.random.default_rng(2)
        gan.set_weights(
            [
                rng.normal(0, 0.5, w.shape) if w.dtype == "float32" else w
                for w in gan.get_weights()
            ]
        )
        gan.compile(Adam(0.01), Adam(0.02), **mode)
        gan.fit(real_samples(), batch_size=6, epochs=2, verbose=0)
        results.append(weights_of(gan))
    for result in results[1:]:
        for v, w in zip(results[0], result, strict=True):
            np.testing.assert_allclose(v, w, rtol=1e-3, atol=1e-5)


def test_is_saved_and_goes_on_as_if_it_had_not_been(tmp_path):
    gan = make(ema=0.9, num_critic_steps=2)
    penalty = GradientPenalty(2.0, seed=5)
    gan.compile(
        Adam(0.01, clipnorm=1.0), Adam(0.01), "wasserstein", penalty=penalty
    )
    x = real_samples()
    gan.fit(x, batch_size=3, verbose=0)
    gan.save(tmp_path / "gan.keras")
    again = keras.saving.load_model(tmp_path / "gan.keras")
    assert again.d_optimizer.clipnorm == 1.0
    assert again.num_critic_steps == 2
    np.testing.assert_array_equal(
        again.generate(3, seed=0), gan.generate(3, seed=0)
    )
    for model in (gan, again):
        model.fit(x, batch_size=3, epochs=2, shuffle=False, verbose=0)
    for v, w in zip(weights_of(gan), weights_of(again), strict=True):
        np.testing.assert_array_equal(v, w)
    assert int(again.optimizer.iterations) == 6


def test_is_conditional_with_labels():
    def embedded(label, x):
        table = keras.layers.Embedding(4, 2)(label)
        return keras.layers.Concatenate()([x, table])

    z, x = keras.Input((3,)), keras.Input((2,))
    label = keras.Input((), dtype="int32")
    generator = keras.Model([z, label], dense(2)(embedded(label, z)))
    critic = keras.Model(
        [x, label], dense(1)(dense(4, "relu")(embedded(label, x)))
    )
    gan = GAN(generator, GradientNormalization(critic), 3, ema=0.5)
    gan.compile(SGD(0.5), SGD(0.5), penalty=GradientPenalty(1.0))
    labels = np.arange(6, dtype="int32") % 4
    (table,) = (w for w in generator.weights if tuple(w.shape) == (4, 2))
    before = np.array(ops.convert_to_numpy(table.value))
    gan.fit(real_samples(), labels, batch_size=6, epochs=2, verbose=0)
    assert (ops.convert_to_numpy(table.value) != before).any()
    logs = gan.evaluate(real_samples(), labels, return_dict=True, verbose=0)
    assert np.isfinite(list(logs.values())).all()
    assert gan.generate(6, labels, seed=0).shape == (6, 2)


class SecondOfBatch(keras.metrics.Metric):
    """The largest difference between real and generated, for a test."""

    def __init__(self):
        super().__init__(name="difference")
        self.value = self.add_variable((), "zeros", name="value")

    def update_state(self, real, fake):
        self.value.assign(ops.max(ops.abs(ops.mean(real - fake, axis=0))))

    def result(self):
        return self.value


def test_takes_two_callables_as_losses():
    given = (LOSSES["wasserstein"], "wasserstein")
    results = []
    for loss in given:
        gan = make()
        gan.compile(SGD(0.1), SGD(0.1), loss)
        gan.train_on_batch(real_samples())
        results.append(weights_of(gan))
    for v, w in zip(*results, strict=True):
        np.testing.assert_array_equal(v, w)


class Batches(keras.utils.PyDataset):
    """Two batches of samples and labels, as a dataset."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return (real_samples()[3 * index : 3 * index + 3],)


def test_fits_datasets():
    results = []
    for data in (dict(x=Batches()), dict(x=real_samples(), batch_size=3)):
        gan = make()
        gan.compile(SGD(0.1), SGD(0.1))
        gan.fit(**data, shuffle=False, verbose=0)
        results.append(weights_of(gan))
    for v, w in zip(*results, strict=True):
        np.testing.assert_array_equal(v, w)


def test_evaluate_updates_metrics_of_samples():
    gan = make()
    gan.compile(SGD(0.1), SGD(0.1), metrics=[SecondOfBatch()])
    history = gan.fit(
        real_samples(),
        batch_size=6,
        validation_data=real_samples(),
        verbose=0,
    ).history
    assert history["val_difference"][0] > 0
    assert set(history) == {"d_loss", "g_loss"} | {
        "val_d_loss",
        "val_g_loss",
        "val_difference",
    }


def test_counts_the_losses_of_layers_and_regularizers():
    for name, rate in (("d", (1.0, 0.0)), ("g", (0.0, 1.0))):
        gan = make(critic=lambda net: net)
        net = gan.discriminator if name == "d" else gan.generator
        net.layers[0].kernel_regularizer = keras.regularizers.L2(1e3)
        net.layers[0].kernel.regularizer = keras.regularizers.L2(1e3)
        gan.compile(SGD(1e-4 * rate[0]), SGD(1e-4 * rate[1]))
        before = net.layers[0].get_weights()[0]
        gan.train_on_batch(real_samples())
        after = net.layers[0].get_weights()[0]
        np.testing.assert_allclose(after, before * 0.8, atol=1e-3)


def test_scales_the_loss_in_half_precision():
    dtype = {"dtype": "mixed_float16"}
    generator, critic = nets(lambda net: net, **dtype)
    generator = keras.Sequential(generator.layers)
    for net in (generator, critic):
        net.dtype_policy = "mixed_float16"
    gan = GAN(generator, GradientNormalization(critic), 3)
    gan.compile(Adam(0.01), Adam(0.01))
    assert isinstance(gan.d_optimizer, keras.optimizers.LossScaleOptimizer)
    gan.d_optimizer.initial_scale = 8.0
    before = weights_of(gan)
    for _ in range(3):
        gan.train_on_batch(real_samples())
    assert all(np.isfinite(w).all() for w in weights_of(gan))
    assert any(
        (v != w).any() for v, w in zip(before, weights_of(gan), strict=True)
    )


def test_trains_with_spectral_and_batch_normalization():
    spectral = keras.layers.SpectralNormalization
    generator = keras.Sequential(
        [dense(4), keras.layers.BatchNormalization(), dense(2)]
    )
    critic = keras.Sequential([spectral(dense(4, "relu")), spectral(dense(1))])
    gan = GAN(generator, critic, 3)
    gan.compile(SGD(0.1), SGD(0.1), "non_saturating")
    gan.fit(real_samples(), batch_size=6, epochs=2, verbose=0)
    moving = generator.layers[1].moving_mean
    assert (ops.convert_to_numpy(moving.value) != 0).any()


def test_learns_where_the_samples_are():
    gan = make(ema=0.9)
    gan.compile(Adam(0.01, 0.5), Adam(0.01, 0.5))
    x = np.random.default_rng(0).normal(3.0, 0.3, (64, 2)).astype("float32")
    distances = []
    for epochs in (0, 40):
        gan.fit(x, batch_size=64, epochs=epochs, verbose=0)
        distances.append(np.linalg.norm(gan.generate(64, seed=0).mean(0) - 3))
    assert distances[1] < 0.6 * distances[0]


def test_generates_from_a_seed_in_batches():
    gan = make()
    samples = gan.generate(5, seed=0)
    np.testing.assert_allclose(
        gan.generate(5, seed=0, batch_size=2), samples, rtol=1e-5
    )
    assert (gan.generate(5, seed=1) != samples).any()
    assert (gan.generate(5) != gan.generate(5)).any()


def test_schedules_of_learning_rates_reach_both_optimizers():
    gan = make()
    gan.compile(SGD(0.1), SGD(0.1))
    halve = keras.callbacks.LearningRateScheduler(lambda _, rate: rate / 2)
    gan.fit(real_samples(), callbacks=[halve], verbose=0)
    for optimizer in (gan.d_optimizer, gan.g_optimizer):
        assert float(optimizer.learning_rate) == pytest.approx(0.05)


def test_names_the_bad_argument():
    generator, critic = nets()
    for init, named in (
        (dict(latent_dim=0), "latent_dim=0"),
        (dict(latent_dim=3, num_critic_steps=0), "num_critic_steps=0"),
        (dict(latent_dim=3, ema=2.0), "ema=2.0"),
    ):
        with pytest.raises(ValueError, match=named):
            GAN(generator, critic, **init)
    gan, same = GAN(generator, critic, 3), SGD(0.1)
    with pytest.raises(ValueError, match="loss='mse'"):
        gan.compile(SGD(0.1), SGD(0.1), "mse")
    with pytest.raises(ValueError, match="two optimizers"):
        gan.compile(same, same)
    with pytest.raises(ValueError, match="d_optimizer=None"):
        gan.compile(None, SGD(0.1))
    gan.compile(SGD(0.1), SGD(0.1), run_eagerly=True)
    with pytest.raises(ValueError, match="shape of generated ones"):
        gan.train_on_batch(np.ones((4, 3), "float32"))
    with pytest.raises(ValueError, match="must be floats"):
        gan.train_on_batch(np.ones((4, 2), "int32"))


def test_refuses_more_than_one_score_per_sample():
    generator, _ = nets()
    gan = GAN(generator, keras.Sequential([dense(2)]), 3)
    gan.compile(SGD(0.1), SGD(0.1), run_eagerly=True)
    with pytest.raises(ValueError, match="one score per sample"):
        gan.train_on_batch(real_samples())
