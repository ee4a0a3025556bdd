// Whatever arrives is either refused or survives a round trip. Built with
//   bazel build --config=clang --config=asan --copt=-fsanitize=fuzzer-no-link
//   //tests/fuzz:wire_fuzz
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "common/wire/codec.h"
#include "paramd/v1/parameter.pb.h"

namespace paramd {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void TryOperation(const std::string& bytes) {
  v1::Operation message;
  if (!message.ParseFromString(bytes)) return;
  const auto decoded = DecodeOperation(message);
  if (!decoded.ok()) return;
  v1::Operation again;
  Encode(decoded->view(), &again);
  message.DiscardUnknownFields();
  Require(message.SerializeAsString() == again.SerializeAsString());
}

void TryReply(const std::string& bytes) {
  v1::Reply message;
  if (!message.ParseFromString(bytes)) return;
  const auto decoded = DecodeReply(message);
  if (!decoded.ok()) return;
  v1::Reply again;
  Encode(*decoded, &again);
  Require(message.sequence() == again.sequence() && message.epoch() == again.epoch() &&
          message.clock() == again.clock() && message.values() == again.values());
}

}  // namespace
}  // namespace paramd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  paramd::TryOperation(bytes);
  paramd::TryReply(bytes);
  return 0;
}
