"""Every public name is exported, registered, documented and importable."""

import ast
import importlib
import inspect
import re
import subprocess
import sys

import keras
import pytest

import keras_tricks

PACKAGES = (
    "callbacks",
    "constraints",
    "layers",
    "losses",
    "metrics",
    "models",
    "multitask",
    "optimizers",
    "regularizers",
    "samplers",
    "text",
    "thresholds",
)
# Tuples, warnings and data are no parts: nothing is saved or configured.
# Tuples and warnings are no parts: nothing is trained, saved or configured.
PLAIN = ("LostRelation", "LostRelationWarning", "LostSpan", "LostSpanWarning")
PLAIN += ("LengthBatches",)
PLAIN += ("Relation", "Span", "TokenizedTexts", "TruncatedTextWarning")


def public_parts():
    for package in PACKAGES:
        module = importlib.import_module(f"keras_tricks.{package}")
        for name in module.__all__:
            yield pytest.param(getattr(module, name), id=f"{package}.{name}")


PARTS = list(public_parts())


def arguments_section(doc):
    """The entries under `Args:` of a docstring, by name."""
    match = re.search(r"^Args:\n((?:    .*\n?|\n(?=    ))*)", doc, re.M)
    entries = {}
    for line in match[1].splitlines() if match else []:
        start = re.match(r"    (\*{0,2}\w+): ?(.*)", line)
        if start:
            name = start[1]
            entries[name] = start[2]
        elif entries:
            entries[name] += " " + line.strip()
    return entries


def test_packages_export_what_they_say():
    assert set(keras_tricks.__all__) == set(PACKAGES)
    for package in PACKAGES:
        module = importlib.import_module(f"keras_tricks.{package}")
        assert module.__all__ == sorted(module.__all__)
        public_names = {
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and not inspect.ismodule(value)
        }
        assert public_names == set(module.__all__)


@pytest.mark.parametrize("part", PARTS)
def test_is_registered(part):
    if inspect.isclass(part) and part.__name__ not in PLAIN:
        name = keras.saving.get_registered_name(part)
        assert name == f"keras_tricks>{part.__name__}"
        assert hasattr(part, "get_config")


@pytest.mark.parametrize("part", PARTS)
def test_documents_every_argument_with_its_default(part):
    doc = inspect.getdoc(part)
    assert doc
    assert doc.splitlines()[0].endswith(".")
    if part.__name__ in PLAIN:
        return
    for section in ("Args:", "Returns:", "Example:"):
        assert f"\n{section}\n" in doc, section
    entries = arguments_section(doc)
    target = part.__init__ if inspect.isclass(part) else part
    parameters = dict(inspect.signature(target).parameters)
    parameters.pop("self", None)
    names = [str(p).split(":")[0].split("=")[0] for p in parameters.values()]
    assert list(entries) == names
    for name, parameter in parameters.items():
        if parameter.default is not parameter.empty:
            stated = re.search(r"Defaults to `(.+?)`\.", entries[name])
            assert stated, f"{name}: no default is documented"
            assert ast.literal_eval(stated[1]) == parameter.default, name


def test_importing_brings_no_other_library_and_changes_nothing():
    code = """
import sys, warnings, keras
before = set(sys.modules)
filters = list(warnings.filters)
state = keras.config.floatx(), keras.config.dtype_policy().name
import keras_tricks
new = {name.split(".")[0] for name in set(sys.modules) - before}
assert new == {"keras_tricks"} | new & set(sys.stdlib_module_names), new
assert list(warnings.filters) == filters
assert state == (keras.config.floatx(), keras.config.dtype_policy().name)
if keras.config.backend() == "torch":
    import torch
    assert torch.is_grad_enabled()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
