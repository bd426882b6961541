"""PairSimilarity: the cosine of two vectors."""

from typing import Any

import keras
from keras import ops

from keras_tricks._unit import unit
from keras_tricks.layers._pair import check_pair

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class PairSimilarity(keras.layers.Layer):
    """Maps two vectors to their cosine.

    ```
    s = u·v / (‖u‖ ‖v‖)
    ```

    Where `u` and `v` are what one shared encoder makes of two sentences, this
    is a functional model with output `(batch,)`, as the losses and metrics of
    ranked pairs take it:

    ```python
    similarity = PairSimilarity()([encoder(first), encoder(second)])
    model = keras.Model([first, second], similarity)
    ```

    It is computed in float32, whatever the dtype, and each vector is divided by
    its largest entry first, so that no square overflows or vanishes. A vector
    of zeros has similarity 0 to every other, with a finite gradient.

    When it does not help: where texts that share most of their words differ in
    meaning. No cosine of vectors that were made apart tells the order of words
    as well as a model that reads both texts at once.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`. `dtype="float32"` gives
            float32 results from half-precision vectors.

    Call arguments:
        inputs: List of two float tensors `(batch, features)`.

    Returns:
        Tensor `(batch,)`, from −1 to 1.

    Raises:
        ValueError: If inputs are not two tensors of one shape, with two axes.

    Example:

    >>> import keras
    >>> from keras_tricks.layers import PairSimilarity
    >>> u = keras.ops.convert_to_tensor([[3.0, 0.0], [0.0, 2.0]])
    >>> v = keras.ops.convert_to_tensor([[1.0, 0.0], [0.0, -9.0]])
    >>> [float(s) for s in PairSimilarity()([u, v])]
    [1.0, -1.0]

    Reference:
        Reimers and Gurevych, 2019, Sentence-BERT:
        https://arxiv.org/abs/1908.10084.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)

    def build(self, input_shape: Any) -> None:
        check_pair(input_shape)
        self.built = True

    def call(self, inputs: Any) -> Tensor:
        u, v = (unit(ops.cast(x, "float32")) for x in inputs)
        return ops.cast(ops.sum(u * v, axis=-1), self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (check_pair(input_shape)[0],)
