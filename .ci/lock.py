"""Write down every package of the test environments, with its hash.

    python .ci/lock.py [BACKEND ...]

resolves what `make test` installs for a backend, within `constraints.txt`, and
writes `locked/<backend>.txt`: exact versions of everything, of what it depends
on too, each with the SHA-256 of its file. For the machines of CI, Linux on
x86-64 with Python 3.11; elsewhere `constraints.txt` alone holds. Run it there
after a change of dependencies: `make lock TORCH_INDEX=...`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BACKENDS = ("tensorflow", "jax", "torch")


def resolved(backend):
    """What pip would install into an empty environment."""
    index = os.environ.get("TORCH_INDEX")
    command = [
        sys.executable,
        *("-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"),
        *("--report", "-"),
        *(("--extra-index-url", index) if index else ()),
        *("-c", str(HERE / "constraints.txt")),
        f"{HERE.parent}[nlp,examples,test,{backend}]",
    ]
    result = subprocess.run(command, check=True, capture_output=True)
    return json.loads(result.stdout)["install"]


def lines(packages):
    """A requirement for each package but this one."""
    for package in packages:
        name = package["metadata"]["name"].lower().replace("_", "-")
        archive = package["download_info"].get("archive_info")
        if name == "keras-tricks" or archive is None:
            continue
        version = package["metadata"]["version"]
        digest = archive["hashes"]["sha256"]
        yield f"{name}=={version} --hash=sha256:{digest}"


def main(backends):
    """Write the files of these backends, or of all."""
    (HERE / "locked").mkdir(exist_ok=True)
    for backend in backends or BACKENDS:
        path = HERE / "locked" / f"{backend}.txt"
        found = sorted(lines(resolved(backend)))
        header = "# Written by .ci/lock.py; Linux, x86-64, Python 3.11.\n"
        path.write_text(header + "\n".join(found) + "\n", "utf-8")
        sys.stdout.write(f"{path}: {len(found)} packages\n")


if __name__ == "__main__":
    main(sys.argv[1:])
