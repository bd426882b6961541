"""PairFeatures: what a classifier of sentence pairs sees."""

from typing import Any

import keras
from keras import ops

from keras_tricks.layers._pair import check_pair

Tensor = Any


@keras.saving.register_keras_serializable(package="keras_tricks")
class PairFeatures(keras.layers.Layer):
    """Maps two vectors to features of the pair, `u`, `v` and `|u − v|`.

    ```
    f = [u; v; |u − v|]
    ```

    With a softmax layer on top it is the head that Sentence-BERT is trained
    with on classes such as entailment, neutral and contradiction. The head is
    dropped after training, and the cosine of `u` and `v` is used.

    When it does not help: where classes are ordered, as grades of similarity
    are. What is trained is not what is used, so the cosine need not follow the
    classes; `CoSENT` trains the cosine itself.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: List of two float tensors `(batch, features)`.

    Returns:
        Tensor `(batch, 3 · features)`.

    Raises:
        ValueError: If inputs are not two tensors of one shape, with two axes.

    Example:

    >>> import keras
    >>> from keras_tricks.layers import PairFeatures
    >>> u = keras.ops.convert_to_tensor([[1.0, 5.0]])
    >>> v = keras.ops.convert_to_tensor([[4.0, 3.0]])
    >>> keras.ops.convert_to_numpy(PairFeatures()([u, v])).tolist()
    [[1.0, 5.0, 4.0, 3.0, 3.0, 2.0]]

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
        u, v = inputs
        return ops.concatenate([u, v, ops.abs(u - v)], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        batch, features = check_pair(input_shape)
        return (batch, None if features is None else 3 * features)
