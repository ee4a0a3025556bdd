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
