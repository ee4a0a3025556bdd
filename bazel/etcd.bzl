"""The client of etcd's gRPC interface, from the .proto files that Debian's packages install."""

_ROOT = "/usr/share/gocode/src/"
_GOOGLE_API = "github.com/grpc-ecosystem/grpc-gateway/third_party/googleapis/"

# Path in an import -> (path below _ROOT, Debian package).
_PROTOS = {
    "etcd/auth/authpb/auth.proto": ("go.etcd.io/etcd/auth/authpb/auth.proto", "golang-etcd-server-dev"),
    "etcd/etcdserver/etcdserverpb/rpc.proto": (
        "go.etcd.io/etcd/etcdserver/etcdserverpb/rpc.proto",
        "golang-etcd-server-dev",
    ),
    "etcd/mvcc/mvccpb/kv.proto": ("go.etcd.io/etcd/mvcc/mvccpb/kv.proto", "golang-etcd-server-dev"),
    "gogoproto/gogo.proto": (
        "github.com/gogo/protobuf/gogoproto/gogo.proto",
        "golang-github-gogo-protobuf-dev",
    ),
    "google/api/annotations.proto": (
        _GOOGLE_API + "google/api/annotations.proto",
        "golang-github-grpc-ecosystem-grpc-gateway-dev",
    ),
    "google/api/http.proto": (
        _GOOGLE_API + "google/api/http.proto",
        "golang-github-grpc-ecosystem-grpc-gateway-dev",
    ),
}

_BUILD = """
genrule(
    name = "code",
    srcs = {protos},
    outs = {outs},
    cmd = "root=$$(dirname $(location gogoproto/gogo.proto))/..; protoc -I $$root -I /usr/include " +
          "--cpp_out=$(RULEDIR) --grpc_out=$(RULEDIR) --plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin {protos_in}",
    message = "Generating C++ from etcd's protocol",
)

cc_library(
    name = "{name}",
    srcs = {sources},
    hdrs = {headers},
    copts = ["-w"],
    features = ["-layering_check"],
    includes = ["."],
    visibility = ["//visibility:public"],
    deps = ["@grpc", "@protobuf"],
)
"""

def _etcd_client_impl(repository_ctx):
    missing = {}
    for path, (source, package) in _PROTOS.items():
        if repository_ctx.path(_ROOT + source).exists:
            repository_ctx.symlink(_ROOT + source, path)
        else:
            missing[package] = True
    if missing:
        fail("etcd's .proto files were not found below %s; run deploy/install_deps.sh, or apt-get install %s" %
             (_ROOT, " ".join(missing.keys())))
    stems = [path[:-len(".proto")] for path in _PROTOS]
    headers = [stem + end for stem in stems for end in [".pb.h", ".grpc.pb.h"]]
    sources = [stem + end for stem in stems for end in [".pb.cc", ".grpc.pb.cc"]]
    repository_ctx.file("BUILD.bazel", _BUILD.format(
        name = repository_ctx.name,
        headers = headers,
        outs = headers + sources,
        protos = _PROTOS.keys(),
        protos_in = " ".join(_PROTOS.keys()),
        sources = sources,
    ))

etcd_client = repository_rule(
    implementation = _etcd_client_impl,
    doc = "Makes @NAME//:NAME, etcd's messages and gRPC stubs in C++.",
    local = True,
)
