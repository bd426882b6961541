"""What a release says of itself."""

import importlib.util
import subprocess
import sys

import keras_tricks
from tests.docs import pages

SCRIPT = pages.ROOT / ".github" / "release_notes.py"
spec = importlib.util.spec_from_file_location("release_notes", SCRIPT)
release_notes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(release_notes)

CHANGELOG = """# Changelog

## [Unreleased]

- Later.

## [1.2.0] - 2026-01-02

### Added

- A part.

## [1.1.0] - 2025-01-02

- Before.

[1.2.0]: https://example.org
"""


def test_takes_the_part_of_one_version():
    assert release_notes.notes(CHANGELOG, "1.2.0") == "### Added\n\n- A part."
    assert release_notes.notes(CHANGELOG, "1.1.0") == "- Before."
    assert release_notes.notes(CHANGELOG, "1.2") is None


def test_reads_the_version_of_the_package():
    assert release_notes.version() == keras_tricks.__version__


def test_refuses_another_tag():
    done = subprocess.run(
        [sys.executable, SCRIPT, "v0.0.0"], capture_output=True, text=True
    )
    assert done.returncode
    assert f"must be v{keras_tricks.__version__}" in done.stderr
