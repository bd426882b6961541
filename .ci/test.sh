#!/usr/bin/env bash
# Run the test suite on one backend after the other, and sum up.
#
# Usage: [BACKENDS="tensorflow jax torch"] [LOG_DIR=.test-logs] \
#            [PYTHON=.venv/bin/python] .ci/test.sh [pytest arguments]
#
# Every backend is run, whatever became of the one before. LOG_DIR gets
# <backend>.txt, what pytest printed, and <backend>.xml, its JUnit report.
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

trap 'exit 130' INT
mkdir -p "$log_dir" || exit
summary=()
failed=0
for backend in $backends; do
    log=$log_dir/$backend.txt
    report=$log_dir/$backend.xml
    rm -f "$report"
    printf '\n=== tests on %s\n' "$backend"
    start=$SECONDS
    KERAS_BACKEND=$backend "$python" -m pytest --junitxml="$report" "$@" \
        2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    took=$((SECONDS - start))
    verdict=ok
    # Without a report pytest did not get to its end.
    result=$(counts "$report" 2>/dev/null) || result="no report"
    if [ "$status" -ne 0 ]; then
        verdict="FAILED, exit status $status, see $log"
        failed=1
    fi
    summary+=("$(printf '%-10s  %s in %d s  %s' \
        "$backend" "$result" "$took" "$verdict")")
done

printf '\n'
printf '%s\n' "${summary[@]}"
exit "$failed"
