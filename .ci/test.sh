#!/usr/bin/env bash
# Run the test suite on all backends at once, and sum up.
#
# Usage: [BACKENDS="tensorflow jax torch"] [LOG_DIR=.test-logs] \
#            [PYTHON=.venv/bin/python] .ci/test.sh [pytest arguments]
#
# Every backend is run, whatever becomes of the others; their lines come mixed,
# each behind its backend's name. LOG_DIR gets <backend>.txt, what pytest
# printed, and <backend>.xml, its JUnit report.
# The last lines are one for each backend; the exit status is 0 if all passed.
set -u
cd "$(dirname "$0")/.." || exit

backends=${BACKENDS:-tensorflow jax torch}
log_dir=${LOG_DIR:-.test-logs}
python=${PYTHON:-.venv/bin/python}
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-3}
# The tests' tensors are tiny: more threads would only wait for one another,
# for minutes where another job shares the cores.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

# Print "412 passed, 0 skipped" from a JUnit report.
counts() {
    "$python" - "$1" <<'PY'
import sys
import xml.etree.ElementTree as ElementTree

suites = ElementTree.parse(sys.argv[1]).getroot().iter("testsuite")
count = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
for suite in suites:
    for name in count:
        count[name] += int(suite.get(name, 0))
bad = count["failures"] + count["errors"]
parts = [f"{count['tests'] - bad - count['skipped']} passed"]
parts += [f"{count['failures']} failed"] * bool(count["failures"])
parts += [f"{count['errors']} in error"] * bool(count["errors"])
parts += [f"{count['skipped']} skipped"]
print(", ".join(parts))
PY
}

for backend in $backends; do
    case $backend in
    tensorflow | jax | torch) ;;
    *)
        echo "BACKENDS is made of tensorflow, jax, torch; got '$backend'" >&2
        exit 2
        ;;
    esac
done

# Run pytest on one backend; write how it ended and how long it took.
run() {
    local backend=$1 start=$SECONDS
    shift
    rm -f "$log_dir/$backend.xml"
    KERAS_BACKEND=$backend PYTHONUNBUFFERED=1 \
        "$python" -m pytest --junitxml="$log_dir/$backend.xml" "$@" 2>&1 |
        tee "$log_dir/$backend.txt" | sed -u "s/^/$backend: /"
    echo "${PIPESTATUS[0]} $((SECONDS - start))" >"$log_dir/$backend.status"
}

trap 'kill 0; exit 130' INT TERM
mkdir -p "$log_dir" || exit
for backend in $backends; do
    run "$backend" "$@" &
done
wait

failed=0
printf '\n'
for backend in $backends; do
    read -r status took <"$log_dir/$backend.status"
    verdict=ok
    # Without a report pytest did not get to its end.
    result=$(counts "$log_dir/$backend.xml" 2>/dev/null) || result="no report"
    if [ "$status" -ne 0 ]; then
        verdict="FAILED, exit status $status, see $log_dir/$backend.txt"
        failed=1
    fi
    printf '%-10s  %s in %d s  %s\n' "$backend" "$result" "$took" "$verdict"
done
exit "$failed"
