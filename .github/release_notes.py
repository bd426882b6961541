"""Print what the changelog says of a tag's version.

    python .github/release_notes.py v0.1.0

Fails unless the tag is the version in `keras_tricks/__init__.py` and the
changelog has a part for it.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def version():
    """The version of the package, read without importing it."""
    text = (ROOT / "keras_tricks" / "__init__.py").read_text("utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.M)[1]


def notes(changelog, version):
    """The part of the changelog between this version's heading and the next."""
    heading = re.escape(f"## [{version}]")
    found = re.search(
        rf"^{heading}.*?\n(.*?)(?=^## \[|^\[\S+\]: |\Z)", changelog, re.M | re.S
    )
    return found and found[1].strip()


def main():
    """Print the notes of the tag, or say what is wrong with it."""
    tag = sys.argv[1]
    if tag != f"v{version()}":
        sys.exit(f"The tag must be v{version()}. Received: {tag}")
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    text = notes(changelog, version())
    if not text:
        sys.exit(f"CHANGELOG.md must have a part `## [{version()}]`.")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
