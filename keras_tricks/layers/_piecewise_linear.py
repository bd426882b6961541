"""What is known of a critic's derivatives from the layers it is made of."""

import warnings
from typing import Any

import keras

from keras_tricks._linear_pieces import is_plain_relu
from keras_tricks._linear_pieces import sublayers

_LINEAR = {"linear", "relu", "relu6", "leaky_relu", "hard_sigmoid", "hard_tanh"}
_PIECEWISE_LINEAR = set(
    """
    Activation Add Average AveragePooling1D AveragePooling2D AveragePooling3D
    Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
    Conv3DTranspose Cropping1D Cropping2D Cropping3D Dense DepthwiseConv1D
    DepthwiseConv2D Dropout Embedding Flatten GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
    GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D Identity
    InputLayer LeakyReLU MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum
    PReLU Permute ReLU RepeatVector Rescaling Reshape SeparableConv1D
    SeparableConv2D SpatialDropout1D SpatialDropout2D SpatialDropout3D Subtract
    UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D
    ZeroPadding3D
    """.split()
)
_UNREPEATABLE = set(
    """
    Dropout Minimum PReLU SpatialDropout1D SpatialDropout2D SpatialDropout3D
    SpectralNormalization
    """.split()
)
activations = keras.activations


def is_piecewise_linear(layer: Any) -> bool:
    """Whether it is built of layers known to be so, and of nothing else.

    A `False` may be wrong; `True` is not: only Keras' own classes count, and
    only in graphs that hold no other operation.
    """
    kind = type(layer)
    if not kind.__module__.startswith("keras."):
        return False
    if kind.__name__ == "SpectralNormalization":
        return is_piecewise_linear(layer.layer)
    if kind.__name__ in ("Sequential", "Functional"):
        sequential = kind.__name__ == "Sequential"
        parts = layer.layers if sequential else layer.operations
        return bool(parts) and all(is_piecewise_linear(part) for part in parts)
    activation = getattr(layer, "activation", None)
    known = activation is None or activation in map(activations.get, _LINEAR)
    return kind.__name__ in _PIECEWISE_LINEAR and known


def is_homogeneous(layer: Any) -> bool:
    """Whether scores double when inputs and all biases do.

    Then, within a piece, scores are ⟨x, ∇f⟩ and what the biases add. It takes
    a piecewise linear net with no other constant in it: no offset, no table,
    and no activation that saturates.
    """
    parts = sublayers(layer)
    return is_piecewise_linear(layer) and all(map(has_no_constant, parts))


def is_repeatable(layer: Any) -> bool:
    """Whether, gates given, a second call is the same linear function.

    Dropout would draw anew, a maximum would choose anew, and what a layer
    writes, or adds to the loss, would be there twice.
    """
    return not any(
        type(part).__name__ in _UNREPEATABLE
        or "Max" in type(part).__name__
        or part.activity_regularizer is not None
        for part in sublayers(layer)
    )


def has_no_constant(layer: Any) -> bool:
    """Whether nothing but its biases is added to what it is given."""
    kind = type(layer).__name__
    if kind == "Rescaling":
        return not layer.offset
    if kind == "ReLU":
        return is_plain_relu(layer)
    name = getattr(getattr(layer, "activation", None), "__name__", "linear")
    constant = ("Embedding", "GaussianNoise")
    return kind not in constant and name in ("linear", "relu", "leaky_relu")


def check_second_derivatives(discriminator: Any) -> None:
    """Refuse layers with wrong or missing second derivatives on this backend.

    The wrong ones raise no error by themselves: TensorFlow's moments hold the
    mean constant in the variance, and its bilinear resizing drops a term.
    """
    for layer in sublayers(discriminator):
        name = f"{type(layer).__name__}, {layer.name!r}"
        advice = (
            wrong_on_tensorflow(layer)
            if keras.config.backend() == "tensorflow"
            else None
        )
        if advice:
            raise ValueError(
                "`discriminator` must have second derivatives, and this layer "
                f"has wrong ones, or none, on TensorFlow. Use {advice}, or "
                f"another backend. Received: {name}"
            )
        if is_trained_batch_normalization(layer):
            warnings.warn(
                "`BatchNormalization` mixes the samples of a batch in "
                "training, so that the gradient of a sample is not its own. "
                f"Use a layer that does not. Received: {name}",
                stacklevel=3,
            )


def wrong_on_tensorflow(layer: Any) -> str | None:
    """What to use instead of this layer, if it is one of them."""
    layers = keras.layers
    moments = (layers.LayerNormalization, layers.GroupNormalization)
    if isinstance(layer, moments) or is_trained_batch_normalization(layer):
        return "`RMSNormalization`, `SpectralNormalization`, none"
    if isinstance(layer, layers.Resizing):
        return '`UpSampling2D(interpolation="nearest")`, pooling'
    if isinstance(layer, layers.UpSampling2D):
        nearest = layer.interpolation == "nearest"
        return None if nearest else '`interpolation="nearest"`, pooling'
    activation = getattr(layer, "activation", None)
    if getattr(activation, "__name__", "") == "softsign":
        return 'the activation "tanh"'
    return None


def is_trained_batch_normalization(layer: Any) -> bool:
    """Whether the layer normalizes by its batch in training."""
    batch = isinstance(layer, keras.layers.BatchNormalization)
    return batch and layer.trainable
