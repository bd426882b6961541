"""What the layers that score every span of a sequence share."""

from typing import Any

import keras

from keras_tricks._checks import check_flag
from keras_tricks._checks import check_found
from keras_tricks._checks import check_positive_int
from keras_tricks._checks import check_rank
from keras_tricks._span_pairs import forbid_pairs

Tensor = Any


class SpanScorer(keras.layers.Layer):
    """Base of `GlobalPointer` and `EfficientGlobalPointer`.

    A subclass makes its projections in `build` and implements `score`.
    """

    def __init__(
        self,
        num_types: int,
        head_dim: int = 64,
        use_rotary: bool = True,
        ordered: bool = True,
        use_bias: bool = True,
        kernel_initializer: Any = "lecun_normal",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.num_types = check_positive_int("num_types", num_types)
        self.head_dim = check_positive_int("head_dim", head_dim)
        if check_flag("use_rotary", use_rotary) and head_dim % 2:
            raise ValueError(
                "`head_dim` must be even with `use_rotary=True`, which rotates "
                f"pairs of features. Received: head_dim={head_dim}"
            )
        self.use_rotary = use_rotary
        self.ordered = check_flag("ordered", ordered)
        self.use_bias = check_flag("use_bias", use_bias)
        self.kernel_initializer = check_found(
            "kernel_initializer", kernel_initializer, keras.initializers.get
        )
        self.kernel_regularizer = check_found(
            "kernel_regularizer", kernel_regularizer, keras.regularizers.get
        )
        self.supports_masking = True

    def dense(self, units: int, name: str) -> keras.layers.Dense:
        """A projection with this layer's initializer, bias and dtype."""
        # Two projections must not share one initializer: a seeded one gives
        # the same numbers again.
        config = keras.initializers.serialize(self.kernel_initializer)
        return keras.layers.Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=keras.initializers.get(config),
            kernel_regularizer=self.kernel_regularizer,
            dtype=self.dtype_policy,
            name=name,
        )

    def score(self, inputs: Tensor) -> Tensor:
        """Map `(batch, length, features)` to unmasked scores."""
        raise NotImplementedError

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        self.check_mask(mask)
        return forbid_pairs(self.score(inputs), mask, self.ordered)

    def check_mask(self, mask: Tensor | None) -> None:
        """Raise unless the mask is `(batch, length)`."""
        if mask is not None:
            check_rank("mask", mask.shape, 2, "(batch, length)")

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        # The scores carry the mask; it has no axis left to sit on.
        return None

    def compute_output_shape(self, input_shape: Any) -> tuple:
        batch, length, _ = check_rank(
            "inputs", input_shape, 3, "(batch, length, features)"
        )
        return (batch, self.num_types, length, length)

    def get_config(self) -> dict:
        config = super().get_config()
        config.update(
            {
                "num_types": self.num_types,
                "head_dim": self.head_dim,
                "use_rotary": self.use_rotary,
                "ordered": self.ordered,
                "use_bias": self.use_bias,
                "kernel_initializer": keras.initializers.serialize(
                    self.kernel_initializer
                ),
                "kernel_regularizer": keras.regularizers.serialize(
                    self.kernel_regularizer
                ),
            }
        )
        return config
