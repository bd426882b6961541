"""A training that is killed and started again ends where it would have."""

import json
import os
import subprocess
import sys

import keras
import pytest

pytestmark = pytest.mark.slow

KILLS = 20
CASES = (
    "child_tuning_of_gradients",
    "child_tuning_of_updates",
    "task_driven_child_tuning",
    "meta_step_size",
    "exponentiated_gradient",
    "gradient_aggregation_by_mgda",
    "multi_task_model_by_upgrad",
    "multi_task_model_by_famo",
    "multi_task_model_by_random_weights",
    "noisy_gan",
    "noisy_penalized_gan",
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")
@pytest.mark.parametrize("case", CASES)
def test_ends_bit_for_bit_where_it_would_have(case, tmp_path):
    command = [sys.executable, "-m", "tests.faults.kill", str(KILLS)]
    result = subprocess.run(
        [*command, str(tmp_path), case],
        env={**os.environ, "KERAS_BACKEND": keras.config.backend()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    counts = json.loads(result.stdout.splitlines()[-1])
    print(counts)
    assert counts["killed"] == KILLS
    assert counts["ended"] >= 1
    assert counts["different"] == 0
