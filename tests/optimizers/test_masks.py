"""Masks are as drawn and chosen as they say, on every backend."""

import functools

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from keras import ops

from keras_tricks._backend import select
from keras_tricks.optimizers._masks import draw_mask
from keras_tricks.optimizers._masks import mix
from keras_tricks.optimizers._masks import top_entries
from tests.optimizers import references


def drawn(shape, rate, seed, step, index):
    return ops.convert_to_numpy(
        draw_mask(shape, rate, seed, ops.convert_to_tensor(step), index)
    )


def test_the_hash_without_a_key_is_lowbias32():
    x = np.random.default_rng(0).integers(-(2**31), 2**31, 50)
    found = ops.convert_to_numpy(mix(ops.convert_to_tensor(x, "int32")))
    for word, hashed in zip(x, found, strict=True):
        assert int(hashed) % 2**32 == references.lowbias32(int(word) % 2**32)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 3), (7,)])
@pytest.mark.parametrize("rate", [1e-9, 0.3, 0.999999])
def test_masks_follow_their_formula(shape, rate):
    for seed, step, index in ((0, 0, 0), (2**32 - 1, 2**31 - 1, 12)):
        found = drawn(shape, rate, seed, step, index)
        level = min(max(rate, 2**-16), 1 - 2**-16)
        np.testing.assert_array_equal(
            found, references.mask(shape, level, seed, step, index)
        )


def test_large_masks_follow_it_too():
    """PyTorch draws them in pieces of 2¹⁸ entries."""
    found = drawn((3 * 2**18 + 5,), 0.3, 1, 2, 3)
    for start, size in ((2**18 - 3, 7), (2**19 - 3, 7), (3 * 2**18 - 2, 7)):
        expected = references.mask((size,), 0.3, 1, 2, 3, start)
        np.testing.assert_array_equal(found[start : start + size], expected)


# JAX has float64 where it is switched on.
DOUBLES = ["float64"] if keras.config.backend() != "jax" else []


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", *DOUBLES])
def test_what_a_mask_leaves_out_is_zero_whatever_it_was(dtype):
    x = ops.convert_to_tensor([np.inf, np.nan, -np.inf, 3.0, -1.0], dtype)
    mask = ops.convert_to_tensor([False, False, False, True, False])
    found = select(mask, x, 0.5)
    assert found.dtype == x.dtype
    found = ops.convert_to_numpy(ops.cast(found, "float32"))
    np.testing.assert_array_equal(found, [0, 0, 0, 6, 0])


def test_masks_are_the_same_for_good():
    found = drawn((4, 8), 0.3, seed=0, step=3, index=1)
    golden = ["00100110", "10100100", "00000000", "11000000"]
    assert ["".join(map(str, row)) for row in found.astype(int)] == golden


SIZE, DRAWS = 1 << 18, 8


@functools.cache
def many(rate):
    """Masks of 8 steps of one weight, and of 8 weights at one step."""
    steps = [drawn((SIZE,), rate, 1, step, 0) for step in range(DRAWS)]
    weights = [drawn((SIZE,), rate, 1, 0, i) for i in range(1, DRAWS + 1)]
    return np.array(steps + weights)


def assert_few_deviations(sums, variance):
    """No sum deviates by more than 4.5 times its spread under chance."""
    deviations = np.abs(np.asarray(sums)) / np.sqrt(variance)
    assert deviations.max() < 4.5, deviations


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.7])
def test_as_many_are_kept_as_asked_for(rate):
    variance = SIZE * rate * (1 - rate)
    assert_few_deviations(many(rate).sum(axis=1) - SIZE * rate, variance)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.7])
def test_steps_weights_and_neighbours_are_not_correlated(rate):
    masks = many(rate) - rate
    variance = SIZE * (rate * (1 - rate)) ** 2
    products = masks @ masks.T
    pairs = products[np.triu_indices(len(masks), 1)]
    assert_few_deviations(pairs, variance)
    lags = [1, 2, 3, 4, 16, 64, 256, 768, 1024, 4096, SIZE // 2]
    beside = [[(m[k:] * m[:-k]).sum() for k in lags] for m in masks]
    assert_few_deviations(beside, variance)


def test_masks_with_one_first_key_are_hardly_correlated():
    places = ops.arange(1 << 12, dtype="int32")
    seconds = np.random.default_rng(0).integers(-(2**31), 2**31, 40)
    masks = [ops.convert_to_numpy(mix(places, int(key)) < 0) for key in seconds]
    signs = np.array(masks) - 0.5
    pairs = (signs @ signs.T)[np.triu_indices(len(signs), 1)]
    assert (np.abs(pairs) < 0.15 * places.shape[0] / 4).all()


def literal_top(scores, fraction):
    """By sorting: greatest first, among equals the first."""
    flat = np.concatenate([s.ravel() for s in scores])
    chosen = np.zeros(flat.size, bool)
    places = max(round(fraction * flat.size), 1)
    chosen[np.argsort(-flat, kind="stable")[:places]] = True
    parts = np.split(chosen, np.cumsum([s.size for s in scores])[:-1])
    return [p.reshape(s.shape) for p, s in zip(parts, scores, strict=True)]


@given(
    st.lists(
        stn.arrays(
            "float32",
            stn.array_shapes(max_dims=2, max_side=5),
            elements=st.sampled_from(
                [0.0, 1e-45, 1e-30, 0.5, 0.5000001, 1.0, 3e38, float("inf")]
            ),
        ),
        min_size=1,
        max_size=4,
    ),
    st.floats(0.01, 1.0),
)
def test_the_top_is_what_sorting_finds_ties_included(scores, fraction):
    for found, expected in zip(
        top_entries(scores, fraction),
        literal_top(scores, fraction),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


def test_the_top_of_many_is_exact_though_most_are_zero():
    rng = np.random.default_rng(0)
    scores = [
        np.where(rng.random(shape) < 0.1, rng.random(shape), 0).astype(
            "float32"
        )
        for shape in ((1 << 20, 2), (999,))
    ]
    found = top_entries(scores, 0.3)
    assert sum(m.sum() for m in found) == round(0.3 * (2**21 + 999))
    assert all(m[s > 0].all() for m, s in zip(found, scores, strict=True))
    for mask, wanted in zip(found, literal_top(scores, 0.3), strict=True):
        np.testing.assert_array_equal(mask, wanted)
