"""The script about step sizes runs from start to end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def test_step_size(tmp_path):
    pytest.importorskip("sklearn", reason="the digits are scikit-learn's")
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "examples" / "step_size.py"),
            "--epochs=1",
            "--steps=20",
            "--rates=0.1",
            f"--output={tmp_path}",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "accuracy_by_rate.png").stat().st_size > 1000
    assert "sum 1.0000" in done.stdout
