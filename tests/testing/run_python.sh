#!/usr/bin/env bash
# Runs a Python program with the system's interpreter, which has Debian's packages. Bazel's own py_test wants a `python`.
PYTHONPATH=$PWD exec /usr/bin/python3 -B "$@"
