"""Second derivatives through each of Keras' layers, against differences."""

import keras
import numpy as np
from keras import ops

from keras_tricks._backend import gradient_norm
from keras_tricks._euclidean_norm import euclidean_norm
from tests.checks.slopes import slope_error

layers = keras.layers
VECTOR, SEQUENCE, IMAGE, VOLUME = (6,), (5, 4), (6, 6, 4), (4, 4, 4, 2)

ACTIVATIONS = """celu elu exponential gelu hard_silu leaky_relu log_softmax mish
relu selu sigmoid silu softmax softplus softsign tanh""".split()

LAYERS = {
    **{
        name: (VECTOR, lambda n=name: layers.Activation(n))
        for name in ACTIVATIONS
    },
    "Dense": (VECTOR, lambda: layers.Dense(4)),
    "PReLU": (VECTOR, lambda: layers.PReLU("uniform")),
    "BatchNormalization": (VECTOR, layers.BatchNormalization),
    "LayerNormalization": (VECTOR, layers.LayerNormalization),
    "RMSNormalization": (VECTOR, layers.RMSNormalization),
    "UnitNormalization": (VECTOR, layers.UnitNormalization),
    "SpectralNormalization": (
        VECTOR,
        lambda: layers.SpectralNormalization(layers.Dense(4)),
    ),
    "GroupNormalization": (IMAGE, lambda: layers.GroupNormalization(2)),
    "Conv1D": (SEQUENCE, lambda: layers.Conv1D(3, 3)),
    "Conv2D": (IMAGE, lambda: layers.Conv2D(3, 3)),
    "Conv2D, strides": (IMAGE, lambda: layers.Conv2D(3, 3, 2, "same")),
    "Conv2D, dilated": (
        IMAGE,
        lambda: layers.Conv2D(3, 3, padding="same", dilation_rate=2),
    ),
    "Conv2D, groups": (IMAGE, lambda: layers.Conv2D(4, 3, groups=2)),
    "Conv3D": (VOLUME, lambda: layers.Conv3D(2, 2)),
    "DepthwiseConv2D": (IMAGE, lambda: layers.DepthwiseConv2D(3)),
    "SeparableConv2D": (IMAGE, lambda: layers.SeparableConv2D(3, 3)),
    "Conv2DTranspose": (IMAGE, lambda: layers.Conv2DTranspose(3, 3, 2)),
    "AveragePooling2D": (IMAGE, lambda: layers.AveragePooling2D(2)),
    "MaxPooling2D": (IMAGE, layers.MaxPooling2D),
    "GlobalAveragePooling2D": (IMAGE, layers.GlobalAveragePooling2D),
    "GlobalMaxPooling2D": (IMAGE, layers.GlobalMaxPooling2D),
    "UpSampling2D, nearest": (IMAGE, layers.UpSampling2D),
    "UpSampling2D, bilinear": (
        IMAGE,
        lambda: layers.UpSampling2D(interpolation="bilinear"),
    ),
    "UpSampling2D, bicubic": (
        IMAGE,
        lambda: layers.UpSampling2D(interpolation="bicubic"),
    ),
    "Resizing, bilinear": (IMAGE, lambda: layers.Resizing(4, 5)),
    "Resizing, nearest": (
        IMAGE,
        lambda: layers.Resizing(4, 5, interpolation="nearest"),
    ),
    "LSTM": (SEQUENCE, lambda: layers.LSTM(3)),
    "GRU": (SEQUENCE, lambda: layers.GRU(3)),
    "SimpleRNN": (SEQUENCE, lambda: layers.SimpleRNN(3)),
    "ConvLSTM1D": (IMAGE, lambda: layers.ConvLSTM1D(2, 2)),
    "MultiHeadAttention": (SEQUENCE, lambda: SelfAttention()),
}


class SelfAttention(layers.Layer):
    def __init__(self):
        super().__init__()
        self.attention = layers.MultiHeadAttention(2, 3)

    def call(self, x):
        return self.attention(x, x)


def second_derivative_error(shape, make):
    """The error of the derivative of ‖∇f‖, or the name of what is raised."""
    tested = make()
    before = layers.Dense(shape[-1], activation="tanh")
    after = [layers.Activation("tanh"), layers.Flatten(), layers.Dense(1)]
    trained = isinstance(tested, layers.BatchNormalization)

    def f(x):
        y = tested(before(x), **({"training": True} if trained else {}))
        for layer in after:
            y = layer(y)
        return ops.reshape(y, (-1,))

    rng = np.random.default_rng(0)
    x = keras.Variable(rng.normal(size=(2, *shape)), dtype="float64")
    f(x.value)
    variables = [x, *before.trainable_variables, *tested.trainable_variables]
    variables += after[-1].trainable_variables
    for v in variables[1:]:
        v.assign(rng.normal(0, 0.5, v.shape) + ("gamma" in v.path))

    def total():
        _, n = gradient_norm(f, ops.copy(x.value), euclidean_norm)
        return ops.sum(n)

    try:
        return slope_error(total, variables)
    except LookupError as error:
        return type(error).__name__
