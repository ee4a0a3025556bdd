// Headers of saved models. One that is accepted is written and read again to the same.
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "common/model_file/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint64_t data_bytes = data[0];
  const absl::string_view json(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto header = paramd::ParseSafetensorsHeader(json, data_bytes, "file");
  if (!header.ok()) return 0;
  uint64_t bytes = 0;
  for (const paramd::TensorSpec& tensor : header->tensors) bytes += tensor.end - tensor.begin;
  if (bytes != data_bytes) std::abort();
  const absl::StatusOr<std::string> encoded = paramd::EncodeSafetensorsHeader(*header);
  if (!encoded.ok() || encoded->size() % 8 != 0) std::abort();
  const auto again = paramd::ParseSafetensorsHeader(encoded->substr(8), data_bytes, "file");
  if (!again.ok() || again->metadata != header->metadata) std::abort();
  if (again->tensors.size() != header->tensors.size()) std::abort();
  return 0;
}
