#!/usr/bin/env bash
# Faults at random, for as long as asked, under the oracle: nothing that was acknowledged is lost or doubled.
#
#   tests/chaos/run.sh --seconds 300 --seed 7    rounds begin for so many seconds, the first one with this seed, by default a random one
#   tests/chaos/run.sh --seconds 0 --seed 12     the one round with this seed, say one that has failed
set -euo pipefail
cd "$(dirname "$0")/../.."
exec bazel run //tests/chaos -- "$@"
