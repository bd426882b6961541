"""One step of adversarial training, written once for every backend."""

from typing import Any

import keras
from keras import ops

from keras_tricks._backend import apply_gradients
from keras_tricks._backend import run_step
from keras_tricks._backend import value_and_gradients
from keras_tricks._checks import check_scores
from keras_tricks.layers.gradient_normalization import GradientNormalization
from keras_tricks.models._averaged_generator import AveragedGenerator

Tensor = Any


class AdversarialModel(AveragedGenerator):
    """What `GAN` does in a step; its arguments are documented there."""

    discriminator: Any
    latent_dim: int
    sample_shape: tuple
    num_critic_steps: int
    seed_generator: Any
    d_optimizer: Any
    g_optimizer: Any
    d_loss: Any
    g_loss: Any
    penalty: Any
    d_loss_tracker: Any
    g_loss_tracker: Any
    sample_metrics: list

    def train_step(self, *arguments: Any) -> Any:
        return run_step(self, self.learn, *arguments)

    def test_step(self, *arguments: Any) -> Any:
        return run_step(self, self.judge, *arguments)

    def learn(self, data: Any) -> dict:
        """One step on a batch; reads and writes variables."""
        real, conditions = self.unpack(data)
        for _ in range(self.num_critic_steps):
            d_loss = self.learn_critic(real, conditions)
        g_loss = self.learn_generator(real, conditions)
        self.update_average()
        return self.track(d_loss, g_loss)

    def judge(self, data: Any) -> dict:
        """The losses, without training, and the metrics of a batch."""
        real, conditions = self.unpack(data)
        noise = self.noise(ops.shape(real)[0])
        fake = self([noise, *conditions] if conditions else noise)
        scores = self.scores(real, fake, conditions, training=False)
        for metric in self.sample_metrics:
            metric.update_state(real, fake)
        logs = self.track(self.d_loss(*scores), self.g_loss(scores[1]))
        results = {m.name: m.result() for m in self.sample_metrics}
        # A metric may return its variable, which is no output of a JAX step.
        return {
            **logs,
            **keras.tree.map_structure(ops.convert_to_tensor, results),
        }

    def learn_critic(self, real: Tensor, conditions: list) -> Tensor:
        """One update of the discriminator, and its loss."""
        fake = ops.stop_gradient(self.fake(real, conditions))

        def loss() -> tuple[Tensor, Tensor]:
            scores = self.scores(real, fake, conditions, training=True)
            value = self.d_loss(*scores) + sum(self.discriminator.losses)
            if self.penalty is not None:
                value = value + self.penalty(
                    self.discriminator, real, fake, conditions
                )
            return self.d_optimizer.scale_loss(value), value

        return update(loss, self.d_optimizer, self.discriminator)

    def learn_generator(self, real: Tensor, conditions: list) -> Tensor:
        """One update of the generator, and its loss."""

        def loss() -> tuple[Tensor, Tensor]:
            fake = self.fake(real, conditions)
            scores = self.discriminator(
                [fake, *conditions] if conditions else fake,
                training=True,
                **self.normalized(frozen=True),
            )
            value = self.g_loss(scores) + sum(self.generator.losses)
            return self.g_optimizer.scale_loss(value), value

        return update(loss, self.g_optimizer, self.generator)

    def fake(self, real: Tensor, conditions: list) -> Tensor:
        """As many generated samples as there are real ones."""
        noise = self.noise(ops.shape(real)[0])
        inputs = [noise, *conditions] if conditions else noise
        fake = self.generator(inputs, training=True)
        return ops.cast(fake, real.dtype)

    def scores(
        self, real: Tensor, fake: Tensor, conditions: list, training: bool
    ) -> list[Tensor]:
        """The scores of real and of fake samples, taken in one batch."""
        both = [ops.concatenate([real, ops.cast(fake, real.dtype)])]
        both += [ops.concatenate([c, c]) for c in conditions]
        scores = self.discriminator(
            both if conditions else both[0],
            training=training,
            **self.normalized(once=training),
        )
        check_scores(scores)
        size = ops.shape(real)[0]
        return [scores[:size], scores[size:]]

    def normalized(self, **arguments: bool) -> dict[str, bool]:
        """The arguments, if the discriminator is one that takes them."""
        known = isinstance(self.discriminator, GradientNormalization)
        return arguments if known else {}

    def noise(self, size: Any) -> Tensor:
        """The generator's inputs, `(size, latent_dim)`; normal."""
        return keras.random.normal(
            (size, self.latent_dim), seed=self.seed_generator
        )

    def unpack(self, data: Any) -> tuple[Tensor, list]:
        """Real samples, in the discriminator's dtype, and conditions."""
        real, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        shape = self.sample_shape
        fits = len(shape) + 1 == len(real.shape) and all(
            None in pair or pair[0] == pair[1]
            for pair in zip(shape, real.shape[1:], strict=True)
        )
        dtype = keras.backend.standardize_dtype(real.dtype)
        if not fits or "float" not in dtype:
            raise ValueError(
                "Real samples must be floats of the shape of generated ones, "
                f"(batch, {', '.join(map(str, shape))}). Received: "
                f"{dtype} of shape {tuple(real.shape)}"
            )
        real = ops.cast(real, self.discriminator.compute_dtype)
        return real, [] if labels is None else [labels]

    def track(self, d_loss: Tensor, g_loss: Tensor) -> dict:
        """Update the losses and return all results."""
        self.d_loss_tracker.update_state(d_loss)
        self.g_loss_tracker.update_state(g_loss)
        return {
            "d_loss": self.d_loss_tracker.result(),
            "g_loss": self.g_loss_tracker.result(),
        }


def update(loss: Any, optimizer: Any, net: Any) -> Tensor:
    """Let the optimizer take a step of the net, and return its loss."""
    variables = net.trainable_variables
    _, value, gradients = value_and_gradients(loss, variables)
    apply_gradients(optimizer, gradients, variables)
    return ops.stop_gradient(value)
