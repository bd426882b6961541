#!/usr/bin/env bash
# Build the wheel and the source distribution, and try them as a user would.
#
# Usage: [PYTHON=.venv/bin/python] [BACKEND=jax] .ci/package.sh
#
# Both are built twice, as of the time of the last commit, and have to be the
# same byte for byte; twine checks what PyPI would show; each is installed into
# an empty environment, where a loss is computed.
set -eu
cd "$(dirname "$0")/.."

python=$(realpath -s "${PYTHON:-.venv/bin/python}")
backend=${BACKEND:-jax}
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

rm -rf dist
for folder in dist "$work/again"; do
    "$python" -m build --outdir "$folder" . >"$work/build.log" || {
        cat "$work/build.log"
        exit 1
    }
done
for file in dist/*; do
    cmp "$file" "$work/again/$(basename "$file")"
    echo "the same when built again: $file"
done
"$python" -m twine check --strict dist/*

for file in "$PWD"/dist/*; do
    "$python" -m venv --clear "$work/empty"
    "$work/empty/bin/python" -m pip install --quiet \
        --disable-pip-version-check -c .ci/constraints.txt "$file[$backend]"
    (cd "$work" && KERAS_BACKEND=$backend empty/bin/python -c "
import keras_tricks
from keras_tricks.losses import CoSENT
loss = float(CoSENT()([0.0, 1.0], [0.5, 0.4]))
print(keras_tricks.__version__, 'from', keras_tricks.__file__, loss)
assert abs(loss - 2.1269) < 1e-3
")
done
