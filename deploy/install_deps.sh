#!/usr/bin/env bash
# Installs the Debian 12 packages that paramd is built, tested and linted with. Safe to run again: what is there is
# left alone and nothing is fetched when nothing is missing.
#
#   deploy/install_deps.sh            build and test tools
#   deploy/install_deps.sh --check    only say what is missing (exit 1 if anything is)
set -euo pipefail

packages=(
  # build system and compilers
  bazel-bootstrap bazel-platforms bazel-rules-java bazel-rules-proto bazel-skylib
  build-essential clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev pkg-config python3
  # libraries that the programs link
  libabsl-dev libgrpc++-dev libgrpc-dev libhwy-dev libjemalloc-dev libopenblas-dev libprotobuf-dev libprotoc-dev libspdlog-dev libssl-dev libxxhash-dev
  libyaml-cpp-dev libzstd-dev nlohmann-json3-dev protobuf-compiler protobuf-compiler-grpc zlib1g-dev
  # the .proto files of etcd's interface, which the coordinator's store is built from
  golang-etcd-server-dev golang-github-gogo-protobuf-dev golang-github-grpc-ecosystem-grpc-gateway-dev
  # libraries and tools of the tests
  catch2 etcd-server libbenchmark-dev python3-grpcio python3-numpy zstd
)

say() { printf 'install_deps: %s\n' "$*" >&2; }

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done

if [ ${#missing[@]} -eq 0 ]; then
  say "all ${#packages[@]} packages are installed"
  exit 0
fi
say "missing: ${missing[*]}"
if [ "${1:-}" = --check ]; then exit 1; fi

if ! command -v apt-get >/dev/null; then
  say "no apt-get here: install the packages above by hand (paramd is built on Debian 12)"
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    say "not root and no sudo: run as root:  apt-get install ${missing[*]}"
    exit 1
  fi
  as_root=(sudo)
fi
say "installing ${#missing[@]} packages with ${as_root[*]:-}${as_root:+ }apt-get"
export DEBIAN_FRONTEND=noninteractive
install=("${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}")
if ! "${install[@]}" >&2; then
  say "refreshing the package lists and trying again"
  "${as_root[@]}" apt-get update >&2
  "${install[@]}" >&2
fi
say "done"
