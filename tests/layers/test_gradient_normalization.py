"""GradientNormalization."""

import functools

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from keras_tricks._backend import input_gradient
from keras_tricks.layers import GradientNormalization
from keras_tricks.layers._piecewise_linear import is_homogeneous
from keras_tricks.layers._piecewise_linear import is_piecewise_linear
from keras_tricks.layers._piecewise_linear import is_repeatable
from keras_tricks.regularizers import GradientPenalty
from tests.checks.configs import check_config
from tests.checks.float64 import in_float64
from tests.checks.gradients import value_and_gradient
from tests.checks.layers import check_symbolic
from tests.checks.layers import compiled
from tests.checks.slopes import evaluation
from tests.checks.slopes import slope_error
from tests.checks.steps import check_training

dense, conv = keras.layers.Dense, keras.layers.Conv2D
VARIANTS = ("gn", "gran", "plain")
on_tensorflow = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="a fault of TensorFlow's"
)


def samples(size=4, shape=(3,), seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(size, *shape)).astype("float32")


def mlp():
    return keras.Sequential(
        [dense(7, "relu"), dense(5, "leaky_relu"), dense(1)]
    )


def to_numpy(x):
    return ops.convert_to_numpy(ops.stop_gradient(x))


def scores_of(layer, x, **arguments):
    """The layer's scores, compiled as one function on JAX."""

    def function(x, weights):
        return layer.stateless_call(weights, [], x, **arguments)[0]

    if not layer.built:
        layer.build(x.shape)
    weights = [v.value for v in layer.trainable_variables]
    if keras.config.backend() == "jax":
        import jax

        function = jax.jit(function)
    return function(ops.convert_to_tensor(x), weights)


def normalized_by_loops(x, weights, variant, epsilon):
    """f̂ and ‖∇f‖ of a net of ReLU and leaky ReLU, sample by sample."""
    (A, a, B, b, C, c), scores, norms = weights, [], []
    for row in x:
        h = row @ A + a
        k = np.maximum(h, 0) @ B + b
        f = (np.where(k > 0, k, 0.2 * k) @ C + c)[0]
        up = (np.where(k > 0, 1, 0.2) * C[:, 0]) @ B.T
        n = np.sqrt(np.sum(((h > 0) * up @ A.T) ** 2))
        if variant == "gn":
            scores.append(f / (n + abs(f) + epsilon))
        elif variant == "gran":
            scores.append(f * n / (n**2 + epsilon))
        else:
            scores.append(f / (n + epsilon))
        norms.append(n)
    return np.array(scores), np.array(norms)


@functools.cache
def total(variant):
    """A layer, and the sum of its scores for given samples and weights."""
    layer = GradientNormalization(mlp(), variant)
    layer.build((None, 3))

    def function(x, *weights):
        return ops.sum(layer.stateless_call(weights, [], x)[0])

    return layer, function


def random_weights(layer, seed):
    rng = np.random.default_rng(seed)
    shapes = [v.shape for v in layer.trainable_variables]
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


@pytest.mark.parametrize("variant", VARIANTS)
def test_keeps_the_contract_of_layers(variant):
    def init():
        net = [
            keras.layers.GlobalAveragePooling1D(),
            dense(4, "relu"),
            dense(1),
        ]
        return {"discriminator": keras.Sequential(net), "variant": variant}

    x = samples(3, (5, 6))
    check_config(GradientNormalization, {**init(), "epsilon": 0.01})
    check_symbolic(GradientNormalization, init(), x)
    check_training(
        lambda jit: compiled(GradientNormalization, init(), x, jit),
        x,
        np.zeros(len(x), "float32"),
        GradientNormalization,
    )


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("epsilon", [None, 0.5])
def test_follows_its_formula(variant, epsilon):
    layer = GradientNormalization(mlp(), variant, epsilon)
    layer.build((None, 3))
    weights = random_weights(layer, 1)
    layer.set_weights(weights)
    epsilon = epsilon or {"gn": 1e-6}.get(variant, 0.1)
    expected, _ = normalized_by_loops(samples(), weights, variant, epsilon)
    found = to_numpy(scores_of(layer, samples()))
    np.testing.assert_allclose(found[:, 0], expected, rtol=2e-5, atol=1e-6)
    found = to_numpy(scores_of(layer, samples(), frozen=True))
    np.testing.assert_allclose(found[:, 0], expected, rtol=2e-5, atol=1e-6)


@given(st.integers(0, 10_000), st.sampled_from(VARIANTS))
def test_is_one_lipschitz_on_each_linear_piece(seed, variant):
    layer, function = total(variant)
    weights = random_weights(layer, seed)
    x = samples(16, seed=seed)
    _, gradient = value_and_gradient(function, x, *weights)
    lengths = np.linalg.norm(gradient, axis=1)
    assert (lengths <= 1 + 1e-5).all()
    scores, n = normalized_by_loops(x, weights, variant, 1e-6)
    if variant == "gn":
        f = np.abs(scores) * n / (1 - np.abs(scores))
        expected = n * (n + 1e-6) / (n + f + 1e-6) ** 2
        np.testing.assert_allclose(lengths, expected, rtol=1e-3, atol=1e-5)


def test_is_one_lipschitz_on_images_too():
    net = [conv(4, 3, activation="relu"), keras.layers.MaxPooling2D()]
    net += [keras.layers.Flatten(), dense(1)]
    layer = GradientNormalization(keras.Sequential(net))
    layer.build((None, 6, 6, 2))

    def function(x, *weights):
        return ops.sum(layer.stateless_call(weights, [], x)[0])

    _, gradient = value_and_gradient(
        function, samples(8, (6, 6, 2)), *layer.get_weights()
    )
    assert np.linalg.norm(gradient.reshape(8, -1), axis=1).max() <= 1


def smooth(variant="gn"):
    """A layer in float64 that has every second derivative, and samples."""
    net = [dense(5, "tanh"), dense(4, "silu"), dense(1)]
    layer = GradientNormalization(keras.Sequential(net), variant, 0.01)
    x = keras.Variable(samples().astype("float64"), dtype="float64")
    layer.build((None, 3))
    layer.set_weights(random_weights(layer, 1))
    return layer, x


@pytest.mark.parametrize("variant", VARIANTS)
def test_its_gradients_are_those_of_finite_differences(variant):
    with in_float64():
        layer, x = smooth(variant)

        def loss():
            return ops.mean(ops.square(layer(ops.copy(x.value)) - 0.5))

        assert slope_error(loss, [x, *layer.trainable_variables]) < 1e-6


@pytest.mark.parametrize("at", ["real", "fake"])
def test_a_penalty_on_top_of_it_has_third_derivatives(at):
    with in_float64():
        layer, x = smooth()
        penalty = GradientPenalty(1.0, at=at)

        def loss():
            return penalty(layer, ops.copy(x.value), 0.5 * x.value)

        assert slope_error(loss, [x, *layer.trainable_variables]) < 1e-6


@pytest.mark.parametrize("known", [True, False])
def test_frozen_gives_the_gradient_with_respect_to_inputs(known):
    layer = GradientNormalization(mlp() if known else smooth_net())
    layer.build((None, 3))
    weights = random_weights(layer, 1)
    assert layer.is_piecewise_linear == known
    results = []
    for frozen in (False, True):

        def function(x, *weights, frozen=frozen):
            return ops.sum(
                layer.stateless_call(weights, [], x, frozen=frozen)[0]
            )

        results.append(value_and_gradient(function, samples(), *weights))
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-6)
    np.testing.assert_allclose(results[1][1], results[0][1], atol=1e-6)


def smooth_net():
    return keras.Sequential([dense(5, "tanh"), dense(1)])


def images_net():
    """A net with every kind of part that makes a piece, and samples."""
    layers = keras.layers
    prelu = layers.PReLU("uniform", shared_axes=(1, 2))
    net = [conv(3, 3, activation="relu"), layers.MaxPooling2D()]
    net += [conv(3, 2, use_bias=False, bias_initializer="ones"), prelu]
    net += [layers.SeparableConv2D(2, 1, activation="leaky_relu")]
    net += [layers.Flatten(), dense(4), layers.ReLU(), dense(1)]
    return keras.Sequential(net)


@pytest.mark.parametrize("variant", VARIANTS)
def test_once_gives_the_gradients_of_the_general_way(variant):
    with in_float64():
        layer = GradientNormalization(images_net(), variant, 0.01)
        layer.build((None, 6, 6, 2))
        layer.set_weights(random_weights(layer, 1))
        x = keras.Variable(samples(4, (6, 6, 2)), dtype="float64")
        variables = [x, *layer.trainable_variables]
        assert layer.is_homogeneous
        results = []
        for once in (False, True):

            def loss(once=once):
                scores = layer(ops.copy(x.value), once=once)
                target = ops.array([[1.0], [2.0], [-3.0], [4.0]], "float64")
                return ops.sum(ops.square(scores - target))

            start = [ops.convert_to_numpy(v.value) for v in variables]
            results.append(evaluation(loss, variables)(start))
        (expected, general), (found, piece) = results
        assert found == pytest.approx(expected, rel=1e-12)
        for g, h in zip(general, piece, strict=True):
            np.testing.assert_allclose(h, g, rtol=1e-8, atol=1e-10)


def test_knows_which_nets_double_with_their_biases():
    layers = keras.layers
    assert is_homogeneous(images_net())
    assert is_homogeneous(layers.Rescaling(2.0))
    for layer in (
        layers.Rescaling(2.0, offset=1.0),
        layers.ReLU(max_value=6.0),
        layers.ReLU(threshold=1.0),
        layers.Embedding(3, 2),
        layers.GaussianNoise(1.0),
        dense(1, "hard_tanh"),
        dense(1, "tanh"),
    ):
        assert not is_homogeneous(keras.Sequential([dense(1), layer]))


def conditional_net():
    x, label = keras.Input((3,)), keras.Input((), dtype="int32")
    table = keras.layers.Embedding(5, 2, embeddings_initializer="ones")
    joined = keras.layers.Concatenate()([x, table(label)])
    return keras.Model([x, label], dense(1)(dense(4, "relu")(joined)))


def float_conditional_net():
    x, given = keras.Input((3,)), keras.Input((2,))
    joined = keras.layers.Concatenate()([x, given])
    return keras.Model([x, given], dense(1)(dense(4, "relu")(joined)))


@pytest.mark.parametrize("kind", ["tanh", "relu6", "labels", "floats"])
def test_once_takes_the_general_way_where_it_must(kind):
    net, conditions = {
        "tanh": (smooth_net(), []),
        "relu6": (keras.Sequential([dense(2, "relu6"), dense(1)]), []),
        "labels": (conditional_net(), [np.arange(4, dtype="int32")]),
        "floats": (float_conditional_net(), [samples(4, (2,), 3)]),
    }[kind]
    layer = GradientNormalization(net)
    layer([samples(), *conditions] if conditions else samples())
    layer.set_weights([3 * w for w in random_weights(layer, 1)])
    x = keras.Variable(3 * samples())
    variables = [x, *layer.trainable_variables]
    results = []
    for once in (False, True):

        def loss(once=once):
            inputs = [ops.copy(x.value), *conditions]
            scores = layer(inputs if conditions else inputs[0], once=once)
            return ops.sum(ops.square(scores - 1.5))

        start = [ops.convert_to_numpy(v.value) for v in variables]
        results.append(evaluation(loss, variables)(start)[1])
    for g, h in zip(*results, strict=True):
        np.testing.assert_allclose(h, g, rtol=1e-3, atol=1e-5)


def test_knows_which_nets_can_be_called_again():
    layers = keras.layers
    assert is_repeatable(mlp())
    for layer in (
        layers.Dropout(0.5),
        layers.MaxPooling1D(),
        layers.SpectralNormalization(dense(1)),
        dense(1, activity_regularizer="l2"),
    ):
        assert not is_repeatable(keras.Sequential([dense(1), layer]))


def test_dropout_is_the_same_in_score_and_gradient():
    net = keras.Sequential([dense(7, "relu"), keras.layers.Dropout(0.5)])
    layer = GradientNormalization(keras.Sequential([net, dense(1)]))
    layer.build((None, 3))
    weights = random_weights(layer, 1)

    def loss(x, *weights):
        state = [v.value for v in layer.non_trainable_variables]
        return ops.sum(
            layer.stateless_call(weights, state, x, training=True, once=True)[0]
        )

    _, gradient = value_and_gradient(loss, samples(64), *weights)
    assert np.linalg.norm(gradient, axis=1).max() <= 1 + 1e-5


def test_knows_which_nets_are_piecewise_linear():
    x = keras.Input((4,))
    relu = keras.Model(x, dense(1)(keras.layers.ReLU()(dense(3)(x))))
    square = keras.Model(x, dense(1)(x * x))
    assert is_piecewise_linear(relu)
    assert not is_piecewise_linear(square)
    assert not is_piecewise_linear(dense(1, "gelu"))
    assert not is_piecewise_linear(keras.Sequential([relu, square]))
    assert is_piecewise_linear(keras.layers.SpectralNormalization(dense(1)))
    assert not is_piecewise_linear(keras.layers.LayerNormalization())
    assert not is_piecewise_linear(Subclassed())


class Subclassed(keras.Model):
    """A critic that is built late, writes state, and adds a loss."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = dense(4, "relu", activity_regularizer="l2")
        self.score = dense(1)
        self.seeds = keras.random.SeedGenerator(1)
        self.calls = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="calls"
        )

    def call(self, x, training=False):
        self.calls.assign(self.calls + 1)
        h = self.hidden(x)
        if training:
            h = h * keras.random.uniform((4,), seed=self.seeds)
        return self.score(h)


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_state_and_losses_are_as_without_it(run_eagerly):
    net = Subclassed()
    x = keras.Input((3,))
    model = keras.Model(x, GradientNormalization(net)(x))
    model.compile("sgd", "mse", run_eagerly=run_eagerly)
    batch = samples()
    seeds = to_numpy(net.seeds.state.value).copy()
    plain = Subclassed()
    plain(batch)
    plain.set_weights(net.get_weights())
    plain(batch)
    loss = model.train_on_batch(batch, np.zeros((4, 1)))
    assert float(to_numpy(net.calls.value)) == 1
    assert (to_numpy(net.seeds.state.value) != seeds).any()
    scores = to_numpy(model(batch, training=False))
    assert np.isfinite(scores).all()
    added = to_numpy(plain.losses[0])
    assert added > 0
    assert loss > 0.9 * added


def test_predicts_and_is_saved(tmp_path):
    x = keras.Input((3,))
    model = keras.Model(x, GradientNormalization(mlp())(x))
    expected = model.predict(samples(), verbose=0)
    np.testing.assert_allclose(to_numpy(model(samples())), expected, rtol=1e-5)
    model.save(tmp_path / "critic.keras")
    again = keras.saving.load_model(tmp_path / "critic.keras")
    np.testing.assert_array_equal(again.predict(samples(), verbose=0), expected)
    assert model.count_params() == 7 * 4 + 5 * 8 + 6


def test_differentiates_the_first_of_several_inputs():
    x, label = keras.Input((3,)), keras.Input((), dtype="int32")
    joined = keras.layers.Concatenate()(
        [x, keras.layers.Embedding(5, 2)(label)]
    )
    net = keras.Model([x, label], dense(1)(dense(4, "relu")(joined)))
    layer = GradientNormalization(net)
    labels = np.arange(4, dtype="int32")
    scores = to_numpy(layer([samples(), labels]))
    assert scores.shape == (4, 1)
    f = to_numpy(net([samples(), labels]))
    kernel = to_numpy(net.layers[-2].kernel.value)
    bias = to_numpy(net.layers[-2].bias.value)
    table = to_numpy(net.layers[-4].embeddings.value)
    h = np.concatenate([samples(), table[labels]], 1) @ kernel + bias
    head = to_numpy(net.layers[-1].kernel.value)[:, 0]
    n = np.linalg.norm(((h > 0) * head) @ kernel[:3].T, axis=1)
    expected = f[:, 0] / (n + np.abs(f[:, 0]) + 1e-6)
    np.testing.assert_allclose(scores[:, 0], expected, rtol=1e-4)


def test_a_constant_critic_scores_zero():
    layer = GradientNormalization(dense(1, kernel_initializer="zeros"))
    x = ops.convert_to_tensor(samples())
    scores, gradient = input_gradient(lambda x: layer(x)[:, 0], x)
    assert (to_numpy(scores) == 0).all()
    assert (to_numpy(gradient) == 0).all()


@pytest.mark.parametrize("scale", [1e-15, 1e15])
def test_survives_tiny_and_huge_gradients(scale):
    layer = GradientNormalization(dense(1, use_bias=False), epsilon=1e-30)
    x = samples()
    expected = to_numpy(scores_of(layer, x))
    layer.set_weights([layer.get_weights()[0] * np.float32(scale)])
    found = to_numpy(scores_of(layer, x))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "mixed_bfloat16"])
def test_half_precision_is_close(dtype):
    layers = {}
    for policy in ("float32", dtype):
        net = [dense(7, "relu"), dense(5, "leaky_relu"), dense(1)]
        configs = [{**layer.get_config(), "dtype": policy} for layer in net]
        net = [dense.from_config(config) for config in configs]
        layers[policy] = GradientNormalization(
            keras.Sequential(net), dtype=policy
        )
        layers[policy].build((None, 3))
        layers[policy].set_weights(random_weights(layers[policy], 1))
    scores = scores_of(layers[dtype], samples())
    computed = keras.backend.standardize_dtype(scores.dtype)
    assert computed == layers[dtype].compute_dtype
    np.testing.assert_allclose(
        to_numpy(ops.cast(scores, "float32")),
        to_numpy(scores_of(layers["float32"], samples())),
        atol=0.02,
    )


def test_takes_one_sample_scores_without_an_axis_and_another_size():
    image = keras.Input((None, None, 1))
    pooled = keras.layers.GlobalMaxPooling2D()(conv(2, 3)(image))
    score = keras.layers.Reshape(())(dense(1)(pooled))
    layer = GradientNormalization(keras.Model(image, score))
    assert tuple(scores_of(layer, samples(1, (6, 6, 1))).shape) == (1,)
    assert tuple(scores_of(layer, samples(3, (8, 7, 1))).shape) == (3,)


def test_names_the_bad_argument():
    with pytest.raises(ValueError, match="variant='sn'"):
        GradientNormalization(dense(1), "sn")
    with pytest.raises(ValueError, match=r"`epsilon` must be above 0"):
        GradientNormalization(dense(1), epsilon=0.0)
    with pytest.raises(ValueError, match="must be a Keras layer"):
        GradientNormalization(lambda x: x)
    with pytest.raises(ValueError, match="one score per sample"):
        GradientNormalization(dense(2))(samples())
    with pytest.raises(ValueError, match="one score per sample"):
        GradientNormalization(conv(1, 3))(samples(2, (6, 6, 1)))
    with pytest.raises(ValueError, match="dtype int32"):
        GradientNormalization(dense(1))(np.ones((2, 3), "int32"))


@on_tensorflow
@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.LayerNormalization(),
        keras.layers.GroupNormalization(1),
        keras.layers.BatchNormalization(),
        keras.layers.UpSampling2D(interpolation="bilinear"),
        keras.layers.Resizing(3, 3),
        keras.layers.Activation("softsign"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_refuses_layers_with_wrong_second_derivatives(layer):
    net = [conv(2, 3), layer, keras.layers.Flatten(), dense(1)]
    with pytest.raises(ValueError, match=type(layer).__name__):
        GradientNormalization(keras.Sequential(net))(samples(2, (6, 6, 1)))


@pytest.mark.skipif(
    keras.config.backend() == "tensorflow", reason="it is refused there"
)
def test_warns_of_batches_that_mix_samples():
    net = keras.Sequential([keras.layers.BatchNormalization(), dense(1)])
    with pytest.warns(UserWarning, match="mixes the samples"):
        GradientNormalization(net)(samples())


def test_takes_batch_normalization_that_is_not_trained():
    net = keras.Sequential([keras.layers.BatchNormalization(), dense(1)])
    net.layers[0].trainable = False
    layer = GradientNormalization(net)
    assert np.isfinite(to_numpy(layer(samples(), training=True))).all()
