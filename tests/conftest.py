"""Set-up of every test: seeds, and hypothesis without clocks or chance."""

import keras
import pytest
from hypothesis import HealthCheck
from hypothesis import settings

settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def fixed_seed():
    keras.utils.set_random_seed(0)
