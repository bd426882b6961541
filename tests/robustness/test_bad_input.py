"""Whatever it is given, a part answers as documented or names what is wrong."""

import collections
import contextlib
import math
import signal
import warnings

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras import ops

from tests.robustness.calls import CALLS
from tests.robustness.parts import ARGUMENTS
from tests.robustness.parts import PARTS

# JAX compiles every operation for every new shape.
QUICK = keras.config.backend() == "torch"
FEW = dict(arguments=200, calls=60 if QUICK else 15)
MANY = dict(arguments=8000, calls=6000 if QUICK else 800)
outcomes = collections.Counter()


def examples(number):
    return settings(
        max_examples=number,
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )


# No large integers: a part may be asked for more memory than there is.
small = st.integers(-3, 5)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    small,
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=2),
    st.complex_numbers(max_magnitude=2.0),
    st.just(object()),
    st.just(len),
)
values = st.one_of(
    scalars,
    st.lists(scalars, max_size=3),
    st.lists(st.lists(scalars, max_size=2), max_size=2),
    st.dictionaries(st.text(max_size=2), scalars, max_size=2),
    st.sampled_from(
        [np.zeros((2, 2)), np.full(2, np.nan), np.array(["a"]), range(3), ()]
    ),
)
spoilt = st.tuples(st.sampled_from(ARGUMENTS), values)


@contextlib.contextmanager
def within(seconds):
    """Raise in what takes longer; nothing may hang."""

    def stop(number, frame):
        raise RuntimeError(f"did not end within {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def attempt(function, seconds):
    """The result, and the `ValueError` or `TypeError` raised in its place."""
    with within(seconds), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(), None
        except (ValueError, TypeError) as error:
            return None, error


def check_argument(name, argument, value):
    part, arguments = PARTS[name]
    _, error = attempt(lambda: part(**{**arguments, argument: value}), 60)
    outcomes["refused arguments" if error else "accepted arguments"] += 1
    assert error is None or argument in str(error), repr(error)


@examples(FEW["arguments"])
@given(spoilt)
def test_a_wrong_argument_is_named(example):
    (name, argument), value = example
    check_argument(name, argument, value)


@pytest.mark.slow
@examples(MANY["arguments"])
@given(spoilt)
def test_any_wrong_argument_is_named(example):
    (name, argument), value = example
    check_argument(name, argument, value)


@pytest.mark.parametrize("name", PARTS)
def test_the_good_arguments_are_good(name):
    part, arguments = PARTS[name]
    part(**arguments)


@st.composite
def arrays(draw):
    """The name of a call, and arrays of any or of fitting shapes."""
    name = draw(st.sampled_from(sorted(CALLS)))
    call = CALLS[name]
    found = []
    for argument, good in zip(call.names, call.good, strict=True):
        any_shape = st.lists(st.integers(0, 4), max_size=4).map(tuple)
        shape = draw(st.one_of(st.just(good), any_shape))
        size = math.prod(shape)
        if argument in call.integers:
            numbers = draw(
                st.lists(st.integers(0, 1), min_size=size, max_size=size)
            )
            found.append(np.array(numbers, "int32").reshape(shape))
        else:
            number = st.one_of(
                st.sampled_from(
                    [0.0, 1.0, -1.0, 1e30, np.nan, np.inf, -np.inf]
                ),
                st.floats(-10, 10, width=32),
            )
            numbers = draw(st.lists(number, min_size=size, max_size=size))
            dtype = draw(st.sampled_from(["float32", "float64", "float16"]))
            with np.errstate(over="ignore"):
                found.append(np.array(numbers, dtype).reshape(shape))
    return name, found


def check_call(name, found):
    call = CALLS[name]
    shapes = [array.shape for array in found]
    finite = all(np.isfinite(array).all() for array in found)
    fits = call.fits(*shapes) and (finite or not call.refuses_nan)
    result, error = attempt(lambda: call.call(*found), 120)
    outcomes["refused calls" if error else "accepted calls"] += 1
    assert (error is None) == fits, f"{shapes}: {error!r}, {result!r}"
    if error is not None:
        assert any(n in str(error) for n in call.names), repr(error)
        return
    for tensor in keras.tree.flatten(result):
        assert np.asarray(ops.convert_to_numpy(tensor)).dtype.kind in "fiub"


@examples(FEW["calls"])
@given(arrays())
def test_a_call_answers_or_names_what_is_wrong(example):
    check_call(*example)


@pytest.mark.slow
@examples(MANY["calls"])
@given(arrays())
def test_any_call_answers_or_names_what_is_wrong(example):
    check_call(*example)


@pytest.mark.slow
def test_so_many_examples_were_tried():
    """Runs after the others, and prints the figures."""
    print(dict(outcomes), "sum:", outcomes.total())
    assert outcomes.total() >= (10_000 if QUICK else 8_000)
