// Manifests of checkpoints: any text, with the SHA-256 that belongs to it, is refused or is the
// only text of what was read.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/storage/manifest.h"
#include "server/storage/sha256.h"

namespace paramd {
namespace {

void TryText(const std::string& text) {
  const auto manifest = ParseManifest(text, "MANIFEST");
  if (manifest.ok() && SerializeManifest(*manifest) != text) std::abort();
}

}  // namespace
}  // namespace paramd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  paramd::TryText(std::string(bytes));
  paramd::TryText(absl::StrCat(bytes, "sha256 ", paramd::Sha256Hex(bytes), "\n"));
  return 0;
}
