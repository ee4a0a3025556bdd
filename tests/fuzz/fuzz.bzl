"""How fuzz targets are declared."""

def paramd_fuzz(name, deps):
    """A libFuzzer target `name` from name.cc. Built by hand, with --config=fuzz, and run as name -max_total_time=60.

    Args:
      name: of the target and of the source file.
      deps: what it tests.
    """
    native.cc_binary(
        name = name,
        testonly = True,
        srcs = [name + ".cc"],
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = deps,
    )
