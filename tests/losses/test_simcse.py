"""SimCSE."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_tricks.losses import SimCSE
from tests.checks.gradients import value_and_gradient
from tests.checks.losses import check_loss


def by_loops(views, temperature=0.05):
    """The formula, a text at a time, in float64."""
    unit = views.astype("float64")
    unit = unit / np.linalg.norm(unit, axis=-1, keepdims=True)
    losses = []
    for i in range(len(unit)):
        total = 0.0
        for other in unit:
            for view in other[1:]:
                total += np.exp(unit[i, 0] @ view / temperature)
        own = unit[i, 0] @ unit[i, 1] / temperature
        losses.append(np.log(total) - own)
    return np.array(losses)


def views_of(seed=0, rows=5, views=2, dim=4, noise=0.5):
    rng = np.random.default_rng(seed)
    text = rng.normal(size=(rows, 1, dim))
    views = text + noise * rng.normal(size=(rows, views, dim))
    return views.astype("float32")


def total_loss(views):
    return SimCSE(reduction="sum")(None, views)


def rows_of(loss, views, **options):
    return keras.ops.convert_to_numpy(loss(None, views, **options))


def test_keeps_the_contract_of_losses():
    # A tensor (3, 2, 4) of three texts; labels are not used.
    check_loss(
        SimCSE, dict(temperature=0.5), np.zeros(3, "float32"), views_of(rows=3)
    )


@pytest.mark.parametrize("temperature", [0.05, 1.0])
@pytest.mark.parametrize("views", [2, 3])
def test_follows_its_formula(views, temperature):
    x = views_of(views=views)
    found = rows_of(SimCSE(temperature, reduction=None), x)
    np.testing.assert_allclose(found, by_loops(x, temperature), 1e-4, 1e-7)


@given(st.integers(0, 10_000), st.sampled_from([1e-6, 1.0, 1e6]))
def test_the_length_of_a_view_does_not_matter(seed, size):
    x = views_of(seed)
    found = rows_of(SimCSE(reduction=None), np.float32(size) * x)
    np.testing.assert_allclose(found, by_loops(x), 1e-4, 1e-6)


def test_its_gradient_is_the_slope_of_the_formula():
    x = views_of(rows=3)
    _, gradient = value_and_gradient(total_loss, x)
    for place in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[place] = 1e-5
        rise = by_loops(x + step).sum() - by_loops(x - step).sum()
        assert gradient[place] == pytest.approx(rise / 2e-5, 1e-2, 1e-3)


def test_only_a_hard_negative_gives_a_lone_text_a_loss():
    x = views_of(rows=1, views=3)
    assert rows_of(SimCSE(), x[:, :2]) == 0
    assert rows_of(SimCSE(), x) > 0


def test_small_losses_keep_their_digits():
    x = np.eye(3, dtype="float32")[:, None] + np.zeros((3, 2, 3), "float32")
    found = rows_of(SimCSE(reduction=None), x)
    np.testing.assert_allclose(found, 2 * np.exp(-20.0), rtol=1e-5)


def test_a_zero_vector_has_cosine_zero_and_no_gradient():
    x = views_of(rows=3)
    x[1, 0] = 0
    found = rows_of(SimCSE(reduction=None), x)
    assert found[1] == pytest.approx(np.log(3), rel=1e-5)
    _, gradient = value_and_gradient(total_loss, x)
    assert np.isfinite(gradient).all()
    assert (gradient[1, 0] == 0).all()


def test_labels_are_not_used_and_need_not_be_there():
    x = views_of()
    inputs = keras.Input((2, 4))
    model = keras.Model(inputs, keras.layers.Dense(4)(inputs))
    model.compile("sgd", SimCSE())
    without = model.evaluate(x, verbose=0)
    for labels in (np.zeros(5), np.arange(10).reshape(5, 2)):
        assert model.evaluate(x, labels, verbose=0) == without
    history = model.fit(x, batch_size=3, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_names_the_bad_argument():
    with pytest.raises(ValueError, match="Received: temperature=0"):
        SimCSE(temperature=0)
    with pytest.raises(ValueError, match=r"y_pred of shape \(5, 4, 4\)"):
        SimCSE()(None, views_of(views=4))
    with pytest.raises(ValueError, match=r"y_pred of shape \(5, 4\)"):
        SimCSE()(None, views_of()[:, 0])
