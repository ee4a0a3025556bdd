"""C++ code from .proto files, by the system's protoc and its gRPC plugin."""

def paramd_proto_library(name, src, deps = [], grpc = False, visibility = None):
    """A cc_library `name` with the messages of `src` (and its gRPC stubs, when `grpc`).

    Args:
      name: name of the library.
      src: one .proto file below //proto; imported as "paramd/v1/...".
      deps: other paramd_proto_library targets that src imports.
      grpc: whether src declares services.
      visibility: of the library.
    """
    stem = src[:-len(".proto")]
    outs = [stem + ".pb.h", stem + ".pb.cc"]
    command = "protoc -I proto -I /usr/include --cpp_out=$(RULEDIR)"
    if grpc:
        outs += [stem + ".grpc.pb.h", stem + ".grpc.pb.cc"]
        command += " --grpc_out=$(RULEDIR) --plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin"
    native.genrule(
        name = name + "_code",
        srcs = [src, "//proto:sources"],
        outs = outs,
        cmd = command + " $(location %s)" % src,
        message = "Generating C++ from",
    )
    native.cc_library(
        name = name,
        srcs = [out for out in outs if out.endswith(".cc")],
        hdrs = [out for out in outs if out.endswith(".h")],
        copts = ["-w"],
        features = ["-layering_check"],
        strip_include_prefix = "/proto",
        visibility = visibility,
        deps = deps + ["@protobuf"] + (["@grpc"] if grpc else []),
    )
