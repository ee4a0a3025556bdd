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

def paramd_cluster_test(name, data = [], size = "medium"):
    """A Python test `name` from name.py that runs the programs as real processes.

    Args:
      name: of the target and of the source file.
      data: files it reads.
      size: as of py_test.
    """
    native.py_test(
        name = name,
        size = size,
        srcs = [name + ".py"],
        data = data + [
            "//deploy/paramctl",
            "//server:paramd_server",
            "//worker:paramd_worker",
        ],
        deps = ["//tests/testing:paramd_cluster"],
        python_version = "PY3",
        srcs_version = "PY3",
        # Two cores: clusters that run at the same time would only slow one another.
        tags = ["cluster", "exclusive"],
    )
