"""The names of Keras, KerasHub and TensorFlow that may go, and that we use.

Public code may count on documented names. These are not: each has a test that
names the release which broke it, and the file of ours that has to change. The
last test finds names that are used and not listed here.
"""

import ast
import dataclasses
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_hub
import pytest

BACKEND = keras.config.backend()
PACKAGE = Path(__file__).parents[1] / "keras_tricks"
WRAPPER = "optimizers/_wrapped_step.py"
EVERY = ("jax", "tensorflow", "torch")


@dataclasses.dataclass(frozen=True)
class Name:
    """A name that we use.

    Args:
        name: The name.
        owner: Returns the object that has it.
        used_in: The file of the package that uses it.
        backends: Those on which it must be there.
        arguments: Of a function, its arguments as we pass them.
    """

    name: str
    owner: Callable[[], Any]
    used_in: str
    backends: tuple[str, ...] = EVERY
    arguments: tuple[str, ...] | None = None


def sgd():
    """A built optimizer."""
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build([keras.Variable([1.0])])
    return optimizer


def muon():
    return keras.optimizers.Muon()


def scope():
    """A scope that was entered."""
    with keras.StatelessScope() as entered:
        return entered


def model():
    built = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    built.compile("sgd", "mse")
    return built


def tokenizer():
    return keras_hub.tokenizers.BytePairTokenizer(
        vocabulary={"a": 0, "b": 1, "ab": 2}, merges=["a b"]
    )


def control_flow():
    """The module of TensorFlow, which documents none of it."""
    return importlib.import_module("tensorflow.python.ops.control_flow_util")


NAMES = [
    Name(
        "_backend_update_step",
        sgd,
        WRAPPER,
        ("jax", "torch"),
        ("grads", "trainable_variables", "learning_rate"),
    ),
    Name(
        "_all_reduce_sum_gradients",
        sgd,
        WRAPPER,
        ("tensorflow",),
        ("grads_and_vars",),
    ),
    Name("_apply_weight_decay", sgd, WRAPPER),
    Name("_use_weight_decay", sgd, WRAPPER, arguments=("variable",)),
    Name("_should_use_adamw", muon, WRAPPER, arguments=("variable",)),
    Name("_get_variable_index", sgd, WRAPPER, arguments=("variable",)),
    Name("_trainable_variables", sgd, "optimizers/wrapper.py"),
    Name("_trainable_variables_indices", sgd, "optimizers/wrapper.py"),
    Name("_var_key", sgd, "optimizers/wrapper.py", arguments=("variable",)),
    Name("_iterations", sgd, "optimizers/wrapper.py"),
    Name("_learning_rate", sgd, "optimizers/wrapper.py"),
    Name(
        "_distribution_strategy",
        sgd,
        "optimizers/wrapper.py",
        ("tensorflow",),
    ),
    Name(
        "_layout",
        lambda: keras.Variable([1.0]),
        "optimizers/wrapper.py",
        ("jax",),
    ),
    Name("_value", lambda: keras.Variable([1.0]), "optimizers/wrapper.py"),
    Name(
        "_maybe_initialized_tokenizers",
        tokenizer,
        "text/_offsets.py",
        arguments=(),
    ),
    Name("_tokenizer", tokenizer, "text/_offsets.py"),
]
# No underscore, and no word of documentation either.
UNDOCUMENTED = [
    Name("original_scope", scope, "_backend/jax/recording.py", ("jax",)),
    Name(
        "state_mapping",
        keras.StatelessScope,
        "_backend/jax/recording.py",
        ("jax",),
    ),
    Name("losses", keras.StatelessScope, "_backend/jax/recording.py", ("jax",)),
    Name(
        "add_update",
        keras.StatelessScope,
        "_backend/jax/recording.py",
        ("jax",),
        ("update",),
    ),
    Name(
        "get_current_value",
        keras.StatelessScope,
        "_backend/jax/recording.py",
        ("jax",),
        ("variable",),
    ),
    Name("compute_loss_and_updates", model, "_backend/jax/steps.py", ("jax",)),
    Name("update_step", sgd, WRAPPER),
    Name("assign_sub", sgd, WRAPPER, arguments=("variable", "value")),
    Name("run_loop", keras_hub.samplers.Sampler, "samplers/beam.py"),
    Name(
        "GraphOrParentsInXlaContext",
        control_flow,
        "_backend/tensorflow/host.py",
        ("tensorflow",),
        ("graph",),
    ),
]


@pytest.mark.parametrize("name", [*NAMES, *UNDOCUMENTED], ids=lambda n: n.name)
def test_is_there(name):
    if BACKEND not in name.backends:
        pytest.skip(f"is met on {', '.join(name.backends)} alone")
    broken = (
        f"`{name.name}`, used in keras_tricks/{name.used_in}, is not what it "
        f"was in Keras 3.15.1 and KerasHub 0.32.0: this is Keras "
        f"{keras.__version__}, KerasHub {keras_hub.__version__}"
    )
    owner = name.owner()
    assert hasattr(owner, name.name), broken
    if name.arguments is not None:
        found = inspect.signature(getattr(owner, name.name)).parameters
        assert tuple(found)[: len(name.arguments)] == name.arguments, broken


def test_optimizers_of_pytorch_that_move_all_at_once_are_called_so():
    names = {c.__name__ for c in type(sgd()).__mro__}
    assert ("TorchParallelOptimizer" in names) == (BACKEND == "torch")


def test_the_first_metric_of_a_model_is_that_of_its_loss():
    """`train_step_by_tasks` updates it."""
    assert model().metrics[0].name == "loss"


def test_seeds_are_called_as_those_that_a_gan_saves():
    state = keras.random.SeedGenerator(1).state
    assert state.path.endswith("seed_generator_state")


def private_names(path):
    """Names with an underscore that code reads from what is not its own."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        name = ""
        if isinstance(node, ast.Attribute):
            mine = getattr(node.value, "id", "") in ("self", "cls")
            name = "" if mine else node.attr
        elif isinstance(node, ast.Call):
            function = getattr(node.func, "id", "")
            place = {"getattr": 1, "forwarded": 0}.get(function)
            if place is not None:
                name = getattr(node.args[place], "value", "")
        if name.startswith("_") and not name.startswith("__"):
            yield name


def test_no_other_is_used():
    defined = {
        node.name if hasattr(node, "name") else node.attr
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        or (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and getattr(node.value, "id", "") == "self"
        )
    }
    used = {
        name for path in PACKAGE.rglob("*.py") for name in private_names(path)
    }
    listed = {name.name for name in NAMES}
    modules = {path.stem for path in PACKAGE.rglob("_*.py")}
    named_tuples = {"_replace", "_asdict", "_fields"}
    assert used - listed - defined - modules - named_tuples == set()
    assert listed <= used
