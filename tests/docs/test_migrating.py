"""Weights of bert4keras' heads, in its layout, give the same scores here."""

import h5py
import keras
import numpy as np
import pytest

from keras_tricks.layers import EfficientGlobalPointer
from keras_tricks.layers import GlobalPointer
from tests.docs import pages

TYPES, DIM, FEATURES, LENGTH = 3, 8, 5, 6


@pytest.fixture(scope="module")
def page():
    """What the page defines."""
    names = {"__name__": "page"}
    text = (pages.DOCS / "migrating_from_bert4keras.md").read_text("utf-8")
    for code in pages.code_blocks(text, "python"):
        exec(compile(code, "migrating_from_bert4keras.md", "exec"), names)
    return names


def published_rotary(x):
    """Neighbouring features of `(length, dim)` turned by their position."""
    length, dim = x.shape
    turned = np.empty_like(x)
    for m in range(length):
        for j in range(dim // 2):
            angle = m * 10000 ** (-2 * j / dim)
            even, odd = x[m, 2 * j], x[m, 2 * j + 1]
            turned[m, 2 * j] = even * np.cos(angle) - odd * np.sin(angle)
            turned[m, 2 * j + 1] = odd * np.cos(angle) + even * np.sin(angle)
    return turned


def published_scores(h, kernel, bias):
    """GlobalPointer: for each type a block of columns, query before key."""
    h = h @ kernel + bias
    scores = np.empty((TYPES, LENGTH, LENGTH))
    for a in range(TYPES):
        block = h[:, 2 * DIM * a : 2 * DIM * (a + 1)]
        q, k = (
            published_rotary(block[:, :DIM]),
            published_rotary(block[:, DIM:]),
        )
        scores[a] = q @ k.T / DIM**0.5
    return scores


def published_efficient_scores(
    h, kernel, bias, type_kernel, type_bias, halves=False, start=1
):
    """Query and key in alternate columns or halves, and which is the start."""
    h = h @ kernel + bias
    q, k = (h[:, :DIM], h[:, DIM:]) if halves else (h[:, ::2], h[:, 1::2])
    q, k = published_rotary(q), published_rotary(k)
    kind = (h @ type_kernel + type_bias) / 2
    scores = np.empty((TYPES, LENGTH, LENGTH))
    for a in range(TYPES):
        for i in range(LENGTH):
            for j in range(LENGTH):
                scores[a, i, j] = q[i] @ k[j] / DIM**0.5
                scores[a, i, j] += kind[i, 2 * a + start]
                scores[a, i, j] += kind[j, 2 * a + 1 - start]
    return scores


def arrays(*shapes):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape) for shape in shapes]


def saved(path, name, weights, inside=None):
    """A file as `save_weights` of Keras 2 writes it."""
    with h5py.File(path, "w") as file:
        group = (file.create_group(inside) if inside else file).create_group(
            name
        )
        keys = [f"{name}/dense_{n}/weight:0" for n in range(len(weights))]
        group.attrs["weight_names"] = [key.encode() for key in keys]
        for key, value in zip(keys, weights, strict=True):
            group[key] = value
    return path


def check(layer, wanted, h):
    scores = keras.ops.convert_to_numpy(layer(h[None].astype("float32")))[0]
    upper = np.triu(np.ones((LENGTH, LENGTH), bool))
    np.testing.assert_allclose(
        scores[:, upper], wanted[:, upper], rtol=2e-5, atol=2e-5
    )


@pytest.mark.parametrize("inside", [None, "model_weights"])
def test_global_pointer(page, tmp_path, inside):
    width = 2 * DIM * TYPES
    h, *weights = arrays((LENGTH, FEATURES), (FEATURES, width), (width,))
    path = saved(tmp_path / "old.h5", "global_pointer_1", weights, inside)
    layer = page["port"](GlobalPointer(TYPES, DIM), path, "global_pointer_1")
    check(layer, published_scores(h, *weights), h)


EFFICIENT = (
    (LENGTH, FEATURES),
    (FEATURES, 2 * DIM),
    (2 * DIM,),
    (2 * DIM, 2 * TYPES),
    (2 * TYPES,),
)


def test_efficient_global_pointer(page, tmp_path):
    h, *weights = arrays(*EFFICIENT)
    path = saved(tmp_path / "old.h5", "efficient", weights)
    layer = page["port"](EfficientGlobalPointer(TYPES, DIM), path, "efficient")
    check(layer, published_efficient_scores(h, *weights), h)


def test_the_efficient_head_of_bert4torch(page):
    h, *weights = arrays(*EFFICIENT)
    layer = EfficientGlobalPointer(TYPES, DIM)
    layer.build((None, None, FEATURES))
    layer.set_weights(page["from_bert4torch"](weights, DIM))
    wanted = published_efficient_scores(h, *weights, halves=True, start=0)
    check(layer, wanted, h)


def test_the_schedule_is_the_published_one(page):
    schedule = page["PiecewiseLinear"](2.0, {10: 1, "30": 0.5})
    rates = [float(schedule(step)) for step in (0, 5, 10, 20, 30, 99)]
    np.testing.assert_allclose(rates, [0, 1, 2, 1.5, 1, 1], rtol=1e-6)
    constant = page["PiecewiseLinear"](2.0, {0: 1, 10: 0})
    rates = [float(constant(step)) for step in (0, 5, 10, 11)]
    np.testing.assert_allclose(rates, [2, 1, 0, 0], rtol=1e-6)
    again = type(schedule)(**schedule.get_config())
    assert float(again(20)) == 1.5
