"""How much each weight of a model matters to its loss on given data."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_tricks._backend import dense


def fisher_information(
    model: keras.Model,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    loss: Any = None,
    per_example: bool = False,
    batch_size: int = 32,
) -> list[np.ndarray]:
    """Map a model and labelled data to the mean squared gradient per weight.

    ```
    F = 1/n Σ_j (∂ loss(x_j, y_j) / ∂θ)²
    ```

    entry by entry, for weights θ. With a negative log-likelihood as loss and
    `j` an example it is the diagonal of the empirical Fisher information, of
    the labels as they are given, not as the model would draw them.

    With `per_example=False` each `j` is a **batch** with its mean loss, as in
    the published code. That is not the same: in the square of a mean, gradients
    that differ between examples cancel, so weights on which a batch agrees come
    out ahead, the more so the larger the batch. It costs one backward pass per
    batch; the exact squares cost one per example.

    The model answers as in inference, without dropout. Penalties on weights
    (`kernel_regularizer`, `add_loss`) do not count. Weights, batch statistics,
    seeds and the model's own optimizer and metrics stay as they are. In mixed
    float16 the loss is scaled, and batches that overflow are left out.

    Memory: beside the model and one batch, 4 bytes per trainable weight on the
    device for the sums, and 4 in NumPy for the result. To choose from it with
    `ChildTuning.choose_child` takes one byte per weight for the masks, one
    more while it chooses, and 20 MB.

    Args:
        model: The model, with weights as they are before fine-tuning.
        x: What `fit` accepts as `x`: arrays, or a dataset of batches.
        y: Labels, if `x` holds none. Defaults to `None`.
        sample_weight: Weights, if `x` holds none. Defaults to `None`.
        loss: As in `compile`. `None` is the loss that the model was compiled
            with. Defaults to `None`.
        per_example: Whether the squares are of examples, exactly, and not of
            batches. Defaults to `False`.
        batch_size: Size of the batches of arrays. Defaults to `32`.

    Returns:
        A list of float32 arrays, one for each of `model.trainable_variables`
        and of its shape. A weight that the loss does not reach has 0.

    Raises:
        ValueError: If there is no loss, or no gradient that is finite.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_tricks.optimizers import fisher_information
    >>> inputs = keras.Input((2,))
    >>> layer = keras.layers.Dense(
    ...     1, kernel_initializer="zeros", use_bias=False
    ... )
    >>> model = keras.Model(inputs, layer(inputs))
    >>> x, y = np.array([[1.0, 0.0], [1.0, 2.0]]), np.array([[1.0], [1.0]])
    >>> fisher_information(model, x, y, loss="mse", per_example=True)[
    ...     0
    ... ].tolist()
    [[4.0], [8.0]]
    >>> fisher_information(model, x, y, loss="mse")[0].tolist()
    [[4.0], [4.0]]

    Reference:
        Xu et al., 2021: https://arxiv.org/abs/2109.05687. The published code
        sums over batches with dropout active, clips the gradient of each
        tensor, and looks at the encoder's layers alone.
    """
    loss = getattr(model, "loss", None) if loss is None else loss
    if loss is None:
        raise ValueError(
            "`loss` must be given for a model that is not compiled with one. "
            "Received: loss=None"
        )
    probe, sums = Probe(model), SquareSums()
    probe.compile(sums, loss)
    if per_example and not is_array(x):
        for example in examples(x):
            probe.train_on_batch(*keras.utils.unpack_x_y_sample_weight(example))
    else:
        sizes = {"batch_size": 1 if per_example else batch_size}
        probe.fit(
            x,
            y,
            sample_weight=sample_weight,
            shuffle=False,
            verbose=0,
            **sizes if is_array(x) else {},
        )
    return sums.means(model.trainable_variables)


class Probe(keras.Model):
    """The model as in inference, with its loss and without its penalties."""

    def __init__(self, model: keras.Model):
        super().__init__(name="fisher_probe", dtype=model.dtype_policy)
        self.model = model

    def call(self, inputs: Any) -> Any:
        return self.model(inputs, training=False)

    @property
    def losses(self) -> list:
        return []


class SquareSums(keras.optimizers.Optimizer):
    """An optimizer that sums squared gradients and moves nothing.

    `apply` is overridden and not `update_step`, since Keras puts constraints on
    the variables in it, moved or not.
    """

    def __init__(self) -> None:
        super().__init__(learning_rate=0.0, name="square_sums")
        self.sums: list = []

    def build(self, variables: Any) -> None:
        if self.built:
            return
        super().build(variables)
        self.positions = {id(v): i for i, v in enumerate(variables)}
        self.sums = [
            self.add_variable(v.shape, dtype="float32", name="squares")
            for v in variables
        ]

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        grads = list(grads)
        if trainable_variables is not None:
            self.build(list(trainable_variables))
        for gradient, total in zip(grads, self.sums, strict=True):
            if gradient is not None:
                gradient = ops.cast(dense(gradient), "float32")
                total.assign_add(ops.square(gradient))
        self.iterations.assign_add(1)

    def means(self, variables: Any) -> list[np.ndarray]:
        steps = int(ops.convert_to_numpy(self.iterations))
        means = [
            ops.convert_to_numpy(self.sums[self.positions[id(v)]].value)
            / np.float32(max(steps, 1))
            for v in variables
        ]
        if not steps or not all(np.isfinite(m).all() for m in means):
            raise ValueError(
                "`x` must hold a batch, and `loss` have finite gradients. "
                f"Received: {steps} batches, gradients finite: {steps == 0}"
            )
        return means


def is_array(x: Any) -> bool:
    """Whether `x` is arrays of examples, and not a dataset of batches."""
    leaves = keras.tree.flatten(x)
    return all(hasattr(leaf, "shape") for leaf in leaves)


def examples(dataset: Any) -> Iterator[Any]:
    """The batches of a dataset, cut into batches of one."""
    indexed = isinstance(dataset, keras.utils.PyDataset)
    indices = range(len(dataset)) if indexed else ()
    for batch in (dataset[i] for i in indices) if indexed else dataset:
        size = len(keras.tree.flatten(batch)[0])
        for row in range(size):
            yield keras.tree.map_structure(lambda a, r=row: a[r : r + 1], batch)
