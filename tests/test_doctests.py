"""Every example in a docstring prints what it says."""

import doctest
import importlib
import pkgutil

import pytest

import keras_tricks

PACKAGES = (
    "callbacks",
    "constraints",
    "layers",
    "losses",
    "metrics",
    "multitask",
    "optimizers",
    "regularizers",
    "samplers",
    "thresholds",
)
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(keras_tricks.__path__, "keras_tricks.")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_say(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_every_public_part_but_models_has_an_example_that_runs():
    finder = doctest.DocTestFinder()
    for package in PACKAGES:
        module = importlib.import_module(f"keras_tricks.{package}")
        for name in module.__all__:
            part = getattr(module, name)
            examples = [t for t in finder.find(part, name) if t.name == name]
            assert examples
            assert examples[0].examples, name
