#!/usr/bin/env bash
# Runs every test: installs what is missing; checks the format; the unit tests as people run the programs (g++, optimised); with clang's
# thread-safety analysis and layering check under the address and undefined-behaviour sanitizers; under the thread sanitizer;
# then whole clusters of real processes, and half a minute of faults at random.
#
#   tests/run.sh            all of it
#   tests/run.sh unit       only the unit tests, as people run the programs
set -uo pipefail
cd "$(dirname "$0")/.."
./deploy/install_deps.sh || exit 1

export PARAMD_DATA=${PARAMD_DATA:-$(realpath -m ../shared/data)}
passed=0
failed=0
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# Runs `bazel test` and adds to the counts what Bazel says of each test.
run_tests() {
  local name=$1
  shift
  printf '\n== %s\n' "$name"
  bazel test --test_summary=short --keep_going "$@" 2>&1 | grep -v 'linux-sandbox' | tee "$logs/$name"
  local status=${PIPESTATUS[0]}
  local ok bad
  ok=$(grep -c -E '^//.* PASSED( |$)' "$logs/$name")
  bad=$(grep -c -E '^//.* (FAILED|TIMEOUT|NO STATUS|FAILED TO BUILD)( |$)' "$logs/$name")
  # Something went wrong before there was a test to count.
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  passed=$((passed + ok))
  failed=$((failed + bad))
}

printf '\n== format\n'
if git ls-files '*.cc' '*.h' | xargs clang-format-14 --dry-run -Werror; then
  passed=$((passed + 1))
else
  echo "run: clang-format-14 -i \$(git ls-files '*.cc' '*.h')"
  failed=$((failed + 1))
fi

unit=(//tests/... --test_tag_filters=unit --build_tests_only)
run_tests unit "${unit[@]}"
if [ "${1:-all}" != unit ]; then
  run_tests clang-asan-ubsan --config=clang --config=asan --config=ubsan "${unit[@]}"
  run_tests tsan --config=tsan //tests/... --test_tag_filters=unit,-no_tsan --build_tests_only
  run_tests clusters //tests/... --test_tag_filters=cluster --build_tests_only
  printf '\n== chaos\n'
  if ./tests/chaos/run.sh --seconds 30 2>&1 | grep -v 'linux-sandbox'; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
fi

printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
