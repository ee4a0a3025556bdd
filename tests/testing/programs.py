"""Where the programs are that tests run."""

import os

# Bazel runs a program in a folder that has the others built; a checkout has them in bazel-bin.
_ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
_BIN = _ROOT if os.path.exists(os.path.join(_ROOT, "server/paramd_server")) else os.path.join(_ROOT, "bazel-bin")

SERVER = os.path.join(_BIN, "server/paramd_server")
WORKER = os.path.join(_BIN, "worker/paramd_worker")
PARAMCTL = os.path.join(_BIN, "deploy/paramctl/paramctl")
FAULT_PROXY = os.path.join(_BIN, "tests/testing/fault_proxy/fault_proxy")
ORACLE_WORKER = os.path.join(_BIN, "tests/testing/oracle/oracle_worker")
