"""GAN: a generator and a critic, trained against each other by `fit`."""

from typing import Any

import keras
import numpy as np

from keras_tricks._checks import check_instance
from keras_tricks._checks import check_number
from keras_tricks._checks import check_positive_int
from keras_tricks._checks import check_seed
from keras_tricks.models._adversarial_model import AdversarialModel
from keras_tricks.models._gan_losses import get_losses
from keras_tricks.models._optimizer_pair import OptimizerPair
from keras_tricks.models._optimizer_pair import prepare


@keras.saving.register_keras_serializable(package="keras_tricks")
class GAN(AdversarialModel):
    """Maps noise to samples, and learns it against a discriminator.

    In each step, on a batch of real samples `x`, with noise `z` drawn anew for
    every update, generator `G` and discriminator `D`

    ```
    num_critic_steps times:  D ← D − ∇ [loss_D(D(x), D(G(z))) + penalty]
    once:                    G ← G − ∇ loss_G(D(G(z)))
    ema ← decay · ema + (1 − decay) · G
    ```

    each with its optimizer. `D` sees real and fake samples in one batch. The
    losses that layers add, and those of their regularizers, belong to the net
    that they are in.

    `fit` takes arrays or datasets of samples, or of samples and labels: with
    labels the GAN is conditional, and both nets are called with a list,
    `G([noise, labels])`, `D([samples, labels])`. `evaluate` gives the two
    losses without training, and metrics of real and generated samples.
    Schedules, clipping, loss scaling and accumulation are those of the two
    optimizers.

    What keeps `D` from being too steep for `G` to learn from is chosen outside:
    `keras_tricks.layers.GradientNormalization` or
    `keras.layers.SpectralNormalization` in `D`, `GradientPenalty` in `compile`.

    Args:
        generator: Model from noise `(batch, latent_dim)` to samples, in the
            range of the real ones.
        discriminator: Model from samples to one score each, without an
            activation after it.
        latent_dim: Features of the noise, at least 1.
        num_critic_steps: Updates of the discriminator for one of the
            generator, at least 1, all on the batch of real samples that the
            step is given. Defaults to `1`.
        ema: Decay of the moving average of the generator's weights that
            `predict` and `generate` use, from 0 to 1; it starts at the weights
            that the generator has now. `None` is no average. Defaults to
            `None`.
        seed: Seed of the noise, an integer. Defaults to `None`.
        **kwargs: Arguments of `keras.Model`.

    Call arguments:
        inputs: Noise `(batch, latent_dim)`, or a list of it and labels.

    Returns:
        Samples.

    Raises:
        ValueError: If an argument is out of range, there is not one score per
            sample, or real samples have another shape than generated ones.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_tricks.layers import GradientNormalization
    >>> from keras_tricks.models import GAN
    >>> dense = keras.layers.Dense
    >>> generator = keras.Sequential([dense(8, activation="relu"), dense(2)])
    >>> critic = keras.Sequential([dense(8, activation="relu"), dense(1)])
    >>> gan = GAN(generator, GradientNormalization(critic), latent_dim=4)
    >>> gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    >>> history = gan.fit(np.ones((8, 2), "float32"), verbose=0)
    >>> sorted(history.history)
    ['d_loss', 'g_loss']
    >>> gan.generate(3, seed=1).shape
    (3, 2)

    Reference:
        Goodfellow et al., 2014: https://arxiv.org/abs/1406.2661; Arjovsky et
        al., 2017, for several critic steps: https://arxiv.org/abs/1701.07875,
        who draw new real samples for each.
    """

    def __init__(
        self,
        generator: Any,
        discriminator: Any,
        latent_dim: int,
        num_critic_steps: int = 1,
        ema: float | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        for name, net in (
            ("generator", generator),
            ("discriminator", discriminator),
        ):
            check_instance(name, net, keras.Layer, "a Keras layer or model")
        check_seed("seed", seed)
        kwargs.setdefault("dtype", generator.dtype_policy)
        super().__init__(**kwargs)
        self.latent_dim = check_positive_int("latent_dim", latent_dim)
        self.num_critic_steps = check_positive_int(
            "num_critic_steps", num_critic_steps
        )
        if ema is not None:
            check_number(
                "ema", ema, lambda d: 0 <= d <= 1, "from 0 to 1, or None"
            )
        self.generator = generator
        self.discriminator = discriminator
        self.ema = ema
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")
        self.sample_metrics: list = []
        self.build_nets()
        self.ema_weights = self.start_average()
        self.built = True

    def build_nets(self) -> None:
        """Build what is not, each by a call."""
        noise = keras.KerasTensor((None, self.latent_dim))
        inputs = getattr(self.generator, "inputs", None) or [noise]
        _, *conditions = inputs
        fake = self.generator(inputs if conditions else inputs[0])
        if not self.discriminator.built:
            self.discriminator([fake, *conditions] if conditions else fake)
        self.sample_shape = tuple(fake.shape[1:])

    def compile(
        self,
        d_optimizer: Any,
        g_optimizer: Any,
        loss: Any = "hinge",
        penalty: Any = None,
        metrics: Any = None,
        **kwargs: Any,
    ) -> None:
        """Configure training.

        Args:
            d_optimizer: Optimizer of the discriminator.
            g_optimizer: Optimizer of the generator, another one.
            loss: `"hinge"`, `"wasserstein"`, `"non_saturating"`, or two
                callables, `(real scores, fake scores) → scalar` and `(fake
                scores) → scalar`. Defaults to `"hinge"`.
            penalty: Callable `(discriminator, real, fake, conditions) →
                scalar`, added to the discriminator's loss, such as
                `keras_tricks.regularizers.GradientPenalty`. Defaults to `None`.
            metrics: Metrics that `evaluate` updates with real samples and as
                many generated ones, such as
                `keras_tricks.metrics.FrechetDistance`. Defaults to `None`.
            **kwargs: `run_eagerly`, `jit_compile` and `steps_per_execution`, as
                in `keras.Model.compile`.
        """
        if d_optimizer is g_optimizer and not isinstance(d_optimizer, str):
            raise ValueError(
                "`d_optimizer` and `g_optimizer` must be two optimizers, each "
                "with its own state. Received: the same object"
            )
        self.d_loss, self.g_loss = get_losses(loss)
        self.penalty = penalty
        # Tracked here, or JAX would not see it change.
        self.penalty_seed_generator = getattr(penalty, "seed_generator", None)
        self.sample_metrics = list(metrics or [])
        self.compile_arguments = dict(
            d_optimizer=keras.optimizers.get(d_optimizer),
            g_optimizer=keras.optimizers.get(g_optimizer),
            loss=loss,
            penalty=penalty,
            metrics=metrics,
            **kwargs,
        )
        self.d_optimizer = prepare(
            "d_optimizer",
            self.compile_arguments["d_optimizer"],
            self.discriminator,
        )
        self.g_optimizer = prepare(
            "g_optimizer", self.compile_arguments["g_optimizer"], self.generator
        )
        super().compile(
            optimizer=OptimizerPair([self.d_optimizer, self.g_optimizer]),
            auto_scale_loss=False,
            **kwargs,
        )

    def get_compile_config(self) -> dict | None:
        if not self.compiled:
            return None
        return keras.saving.serialize_keras_object(self.compile_arguments)

    def compile_from_config(self, config: dict) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))

    def generate(
        self,
        num_samples: int,
        labels: Any = None,
        seed: int | None = None,
        batch_size: int = 64,
    ) -> np.ndarray:
        """Samples from noise that is the same on every backend.

        Args:
            num_samples: How many.
            labels: What they are conditioned on, one each. Defaults to `None`.
            seed: Seed of the noise. `None` is new noise. Defaults to `None`.
            batch_size: How many at a time. Defaults to `64`.
        """
        shape = (num_samples, self.latent_dim)
        noise = np.random.default_rng(seed).normal(size=shape)
        noise = noise.astype("float32")
        inputs = noise if labels is None else [noise, np.asarray(labels)]
        return self.predict(inputs, batch_size=batch_size, verbose=0)

    def get_config(self) -> dict:
        return {
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(
                self.discriminator
            ),
            "latent_dim": self.latent_dim,
            "num_critic_steps": self.num_critic_steps,
            "ema": self.ema,
            "seed": self.seed,
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }

    @classmethod
    def from_config(
        cls, config: dict, custom_objects: dict | None = None
    ) -> Any:
        nets = {
            name: keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
            for name in ("generator", "discriminator")
        }
        return cls(**{**config, **nets})
