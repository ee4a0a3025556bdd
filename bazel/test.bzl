"""How unit tests are declared."""

def paramd_test(name, deps, data = [], tags = [], size = "small"):
    """A Catch2 test `name` from name.cc, with Catch2's own main. Runs in every sanitizer configuration.

    Args:
      name: of the target and of the source file.
      deps: what it tests.
      data: files it reads.
      tags: "no_tsan" where the system's libraries without instrumentation hide a synchronisation.
      size: as of cc_test.
    """
    native.cc_test(
        name = name,
        size = size,
        srcs = [name + ".cc"],
        data = data,
        linkstatic = True,
        tags = tags + ["unit"],
        deps = deps + ["//tests/testing:catch_main"],
    )

# Programs that make faults, and whose updates show whether any was lost: for `data` of tests that need them.
FAULT_TOOLS = [
    "//tests/testing/fault_proxy",
    "//tests/testing/oracle:oracle_worker",
]

# What Python programs need to run clusters.
_PROGRAMS = [
    "//deploy/paramctl",
    "//server:paramd_server",
    "//tests/testing:python",
    "//worker:paramd_worker",
]

def paramd_cluster_test(name, data = [], size = "medium"):
    """A Python test `name` from name.py that runs the programs as real processes.

    Args:
      name: of the target and of the source file.
      data: files it reads.
      size: as of sh_test.
    """
    native.sh_test(
        name = name,
        size = size,
        srcs = ["//tests/testing:run_python.sh"],
        args = ["$(location %s.py)" % name, "-v"],
        data = data + [name + ".py"] + _PROGRAMS,
        # Two cores: clusters that run at the same time would only slow one another.
        tags = ["cluster", "exclusive"],
    )

def paramd_cluster_program(name, data = []):
    """A Python program `name` from name.py that runs the programs as real processes: `bazel run ...:name -- FLAGS`.

    Args:
      name: of the target and of the source file.
      data: files it reads.
    """
    native.sh_binary(
        name = name,
        testonly = True,
        srcs = ["//tests/testing:run_python.sh"],
        args = ["$(location %s.py)" % name],
        data = data + [name + ".py"] + _PROGRAMS,
    )
