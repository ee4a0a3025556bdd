"""System libraries found through pkg-config."""

def _pkg_config(repository_ctx, args):
    tool = repository_ctx.which("pkg-config")
    if not tool:
        fail("pkg-config is not installed; run deploy/install_deps.sh")
    result = repository_ctx.execute([tool] + args + repository_ctx.attr.modules)
    if result.return_code != 0:
        fail("system library '%s' was not found; run deploy/install_deps.sh\n%s" %
             (repository_ctx.name, result.stderr))
    return [token for token in result.stdout.strip().split(" ") if token]

def _pkg_config_library_impl(repository_ctx):
    # Every header lives in the system's include path, which compilers search anyway; only definitions matter.
    defines = [flag[2:] for flag in _pkg_config(repository_ctx, ["--cflags-only-other"]) if flag.startswith("-D")]
    libs = _pkg_config(repository_ctx, ["--libs"]) + repository_ctx.attr.extra_libs
    repository_ctx.file("BUILD.bazel", """
cc_library(
    name = "{name}",
    defines = {defines},
    linkopts = {libs},
    visibility = ["//visibility:public"],
)
""".format(name = repository_ctx.name, defines = defines, libs = libs))

pkg_config_library = repository_rule(
    implementation = _pkg_config_library_impl,
    doc = "Makes @NAME//:NAME from the pkg-config modules of a library that the system provides.",
    local = True,
    attrs = {
        "extra_libs": attr.string_list(doc = "Linker flags that the library needs and its .pc file lacks."),
        "modules": attr.string_list(mandatory = True, doc = "pkg-config module names."),
    },
)
