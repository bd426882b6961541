"""GlobalPointer and EfficientGlobalPointer."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_tricks.layers import EfficientGlobalPointer
from keras_tricks.layers import GlobalPointer
from tests.checks.layers import as_float
from tests.checks.layers import check_layer

LAYERS = (GlobalPointer, EfficientGlobalPointer)


def features(batch=2, length=5, dim=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(batch, length, dim)).astype("float32")


def built(cls, x, **init):
    """A layer with weights from NumPy, biases included."""
    layer = cls(**init)
    layer.build(x.shape)
    rng = np.random.default_rng(7)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def rotate(x, position):
    """RoFormer's rotation of one vector, pair by pair."""
    out = np.empty_like(x)
    for j in range(len(x) // 2):
        angle = position * 10000 ** (-2 * j / len(x))
        a, b = x[2 * j], x[2 * j + 1]
        out[2 * j] = a * math.cos(angle) - b * math.sin(angle)
        out[2 * j + 1] = b * math.cos(angle) + a * math.sin(angle)
    return out


def global_pointer_by_loops(weights, x, num_types, d, rotary):
    kernel, bias = (w.astype("float64") for w in weights)
    batch, length, _ = x.shape
    scores = np.zeros((batch, num_types, length, length))
    for b in range(batch):
        h = x[b].astype("float64") @ kernel + bias
        for a in range(num_types):
            block = h[:, a * 2 * d : (a + 1) * 2 * d]
            for i in range(length):
                for j in range(length):
                    q, k = block[i, :d], block[j, d:]
                    if rotary:
                        q, k = rotate(q, i), rotate(k, j)
                    scores[b, a, i, j] = q @ k / math.sqrt(d)
    return scores


def efficient_by_loops(weights, x, num_types, d, rotary):
    kernel, bias, type_kernel, type_bias = (
        w.astype("float64") for w in weights
    )
    batch, length, _ = x.shape
    scores = np.zeros((batch, num_types, length, length))
    for b in range(batch):
        pair = x[b].astype("float64") @ kernel + bias
        kind = (pair @ type_kernel + type_bias) / 2
        q, k = pair[:, 0::2], pair[:, 1::2]
        for a in range(num_types):
            for i in range(length):
                for j in range(length):
                    qi, kj = q[i], k[j]
                    if rotary:
                        qi, kj = rotate(qi, i), rotate(kj, j)
                    scores[b, a, i, j] = qi @ kj / math.sqrt(d)
                    scores[b, a, i, j] += kind[i, 2 * a + 1] + kind[j, 2 * a]
    return scores


BY_LOOPS = {
    GlobalPointer: global_pointer_by_loops,
    EfficientGlobalPointer: efficient_by_loops,
}


@pytest.mark.parametrize("cls", LAYERS)
def test_keeps_the_contract_of_layers(cls):
    init = dict(
        num_types=3,
        head_dim=4,
        use_rotary=True,
        ordered=True,
        use_bias=False,
        kernel_initializer="glorot_normal",
        kernel_regularizer="l2",
    )
    check_layer(cls, init, features())


@pytest.mark.parametrize("cls", LAYERS)
@pytest.mark.parametrize("rotary", [True, False])
def test_follows_its_formula(cls, rotary):
    x = features()
    layer = built(
        cls, x, num_types=3, head_dim=4, use_rotary=rotary, ordered=False
    )
    expected = BY_LOOPS[cls](layer.get_weights(), x, 3, 4, rotary)
    np.testing.assert_allclose(as_float(layer(x)), expected, atol=2e-5)


@pytest.mark.parametrize("cls", LAYERS)
def test_forbids_ends_before_starts_and_masked_tokens_with_one_constant(cls):
    x = features()
    mask = np.array([[1, 1, 0, 1, 1], [0, 0, 1, 1, 0]], bool)
    free = built(cls, x, num_types=2, head_dim=4, ordered=False)
    layer = built(cls, x, num_types=2, head_dim=4)
    allowed = mask[:, None, :, None] & mask[:, None, None, :]
    allowed = allowed & np.triu(np.ones((5, 5), bool))
    expected = np.where(allowed, as_float(free(x)), -1e9)
    np.testing.assert_allclose(
        as_float(layer(x, mask=mask)), expected, rtol=1e-6
    )


@pytest.mark.parametrize("cls", LAYERS)
def test_an_implicit_mask_is_an_explicit_one(cls):
    ids = np.array([[3, 1, 2, 0, 0], [1, 0, 0, 0, 0]])
    embedding = keras.layers.Embedding(4, 6, mask_zero=True)
    embedded = embedding(ids)
    layer = built(cls, features(), num_types=2, head_dim=4)
    implicit = layer(embedded)
    explicit = layer(ops.convert_to_numpy(embedded), mask=ids > 0)
    np.testing.assert_array_equal(as_float(implicit), as_float(explicit))
    assert keras.src.backend.get_keras_mask(implicit) is None


@pytest.mark.parametrize("cls", LAYERS)
def test_padding_does_not_change_the_other_scores(cls):
    x = features(length=4)
    layer = built(cls, x, num_types=2, head_dim=4)
    longer = np.concatenate([x, np.full((2, 3, 6), 9, "float32")], axis=1)
    mask = np.arange(7)[None] < np.array([[4], [4]])
    padded = as_float(layer(longer, mask=mask))
    np.testing.assert_allclose(padded[:, :, :4, :4], as_float(layer(x)), 1e-5)
    assert (padded[:, :, 4:] == -1e9).all()
    assert (padded[:, :, :, 4:] == -1e9).all()


@pytest.mark.parametrize("cls", LAYERS)
@pytest.mark.parametrize("policy", ["float16", "mixed_bfloat16"])
def test_masks_are_finite_in_half_precision(cls, policy):
    layer = cls(2, 4, dtype=policy)
    scores = as_float(layer(features(), mask=np.zeros((2, 5))))
    assert np.isfinite(scores).all()
    assert (scores <= -2.9e4).all()


@pytest.mark.parametrize("cls", LAYERS)
@pytest.mark.parametrize("shape", [(2, 1, 6), (1, 3, 6), (0, 3, 6)])
def test_takes_one_token_and_an_empty_batch(cls, shape):
    scores = cls(2, 4)(np.zeros(shape, "float32"))
    assert tuple(scores.shape) == (shape[0], 2, shape[1], shape[1])


def test_rotary_scores_depend_on_the_distance_alone():
    x = np.tile(features(1, 1), (1, 6, 1))
    layer = built(GlobalPointer, x, num_types=1, head_dim=4, ordered=False)
    scores = as_float(layer(x))[0, 0]
    for distance in range(-5, 6):
        diagonal = np.diagonal(scores, distance)
        np.testing.assert_allclose(diagonal, diagonal[0], rtol=1e-4)
    assert abs(scores[0, 0] - scores[0, 5]) > 1e-3


@pytest.mark.parametrize(
    ("cls", "num_types", "expected"),
    [
        (GlobalPointer, 10, 984_320),
        (GlobalPointer, 3, 295_296),
        (EfficientGlobalPointer, 10, 101_012),
        (EfficientGlobalPointer, 100, 124_232),
    ],
)
def test_has_the_published_number_of_parameters(cls, num_types, expected):
    layer = cls(num_types=num_types, head_dim=64)
    layer.build((None, None, 768))
    assert layer.count_params() == expected


@pytest.mark.parametrize("cls", LAYERS)
@pytest.mark.parametrize(
    ("init", "named"),
    [
        (dict(num_types=0), "num_types=0"),
        (dict(num_types=2.0), "num_types=2.0"),
        (dict(num_types=True), "num_types=True"),
        (dict(num_types=1, head_dim=0), "head_dim=0"),
        (dict(num_types=1, head_dim=3), "head_dim=3"),
    ],
)
def test_names_the_bad_argument(cls, init, named):
    with pytest.raises(ValueError, match=named):
        cls(**init)


@pytest.mark.parametrize("cls", LAYERS)
def test_takes_an_odd_head_dim_without_rotary(cls):
    assert cls(1, head_dim=3, use_rotary=False)(features()).shape[1] == 1


@pytest.mark.parametrize("cls", LAYERS)
def test_refuses_other_ranks(cls):
    with pytest.raises(ValueError, match=r"`inputs` must have shape"):
        cls(1, 4)(np.zeros((2, 3), "float32"))
    with pytest.raises(ValueError, match=r"`mask` must have shape"):
        cls(1, 4)(features(), mask=np.ones((2, 5, 1)))


@pytest.mark.parametrize("cls", LAYERS)
def test_each_projection_is_initialized_and_regularized(cls):
    layer = cls(1, 4, kernel_initializer="ones", kernel_regularizer="l2")
    layer(features())
    kernels = [w for w in layer.weights if w.name == "kernel"]
    assert kernels
    assert all((np.array(w) == 1).all() for w in kernels)
    assert len(layer.losses) == len(kernels)


def test_without_bias_there_is_none():
    layer = EfficientGlobalPointer(1, 4, use_bias=False)
    layer(features())
    assert [w.name for w in layer.weights] == ["kernel", "kernel"]


def test_the_factors_sum_to_the_scores():
    x = features()
    layer = built(
        EfficientGlobalPointer, x, num_types=3, head_dim=4, ordered=False
    )
    span, start, end = (as_float(f) for f in layer.factors(x))
    total = span[:, None] + start[..., None] + end[:, :, None]
    np.testing.assert_allclose(total, as_float(layer(x)), atol=1e-5)


def test_the_factored_layer_keeps_the_contract_of_layers():
    init = dict(num_types=3, head_dim=4, factored=True)
    check_layer(EfficientGlobalPointer, init, features())


@pytest.mark.parametrize("ordered", [True, False])
def test_the_packed_factors_sum_to_the_masked_scores(ordered):
    x, mask = features(), np.array([[1, 1, 0, 1, 1], [0, 0, 1, 1, 0]])
    layer = built(
        EfficientGlobalPointer, x, num_types=3, head_dim=4, ordered=ordered
    )
    dense = as_float(layer(x, mask=mask))
    layer.factored = True
    packed = as_float(layer(x, mask=mask))
    assert packed.shape == (2, 5, 11)
    span, start, end = packed[..., :5], packed[..., 5:8], packed[..., 8:]
    total = span[:, None] + np.swapaxes(start, 1, 2)[..., None]
    total = total + np.swapaxes(end, 1, 2)[:, :, None]
    allowed = dense > -1e8
    np.testing.assert_allclose(total[allowed], dense[allowed], atol=1e-5)
    assert (total[~allowed] < -1e8).all()


def test_a_trained_layer_can_be_switched_and_loads_either_way(tmp_path):
    x = features()
    inputs = keras.Input((None, 6))
    model = keras.Model(inputs, EfficientGlobalPointer(2, 4)(inputs))
    model.save_weights(tmp_path / "dense.weights.h5")
    layer = EfficientGlobalPointer(2, 4, factored=True)
    other = keras.Model(inputs, layer(inputs))
    other.load_weights(tmp_path / "dense.weights.h5")
    assert other.output_shape == (None, None, None)
    layer.factored = False
    np.testing.assert_array_equal(
        as_float(layer(x)), as_float(model.layers[-1](x))
    )
