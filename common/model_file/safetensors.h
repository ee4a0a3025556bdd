#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace paramd {

// The safetensors format (https://github.com/huggingface/safetensors): 8 bytes little-endian length
// of the header, the header as JSON, the tensors' raw little-endian data without gaps. FORMAT.md
// beside this file says it byte by byte.

// Element types that paramd uses.
enum class TensorType { kF32, kU64, kBF16, kI8 };

struct TensorSpec {
  std::string name;
  TensorType type = TensorType::kF32;
  std::vector<uint64_t> shape;
  // Bytes [begin, end) of the data, counted from the end of the header.
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  // In the order of their data.
  std::vector<TensorSpec> tensors;
  // Of the whole file.
  uint64_t data_begin = 0;
};

// Largest header, in bytes, that is written or read.
inline constexpr uint64_t kMaxSafetensorsHeaderBytes = uint64_t{16} << 20;

// Size of a tensor's data. INVALID_ARGUMENT when it exceeds 2^64 - 1.
absl::StatusOr<uint64_t> TensorBytes(TensorType type, const std::vector<uint64_t>& shape);

// The first bytes of a file, up to where the data begin, which is at a multiple of 8: length and
// JSON, padded with spaces. Takes metadata and tensors; they must hold valid UTF-8.
// INVALID_ARGUMENT: a header that is too long.
absl::StatusOr<std::string> EncodeSafetensorsHeader(const SafetensorsHeader& header);

// Reads the JSON of a header that `data_bytes` of data follow; data_begin stays 0. DATA_LOSS, with
// a message that begins with `file`: anything that FORMAT.md does not allow.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(absl::string_view json,
                                                         uint64_t data_bytes,
                                                         const std::string& file);

// Reads the header of a file and checks it against the file's size. Errors: of opening and reading
// the file; DATA_LOSS as above.
absl::StatusOr<SafetensorsHeader> ReadSafetensorsHeader(const std::string& file);

// Reads the data of one tensor of `file`, whose header is `header`. T: float for kF32, uint64_t for
// kU64, uint16_t for kBF16 (the upper half of a float32), int8_t for kI8. DATA_LOSS when the file
// has become shorter since.
template <typename T>
absl::StatusOr<std::vector<T>> ReadTensor(const std::string& file, const SafetensorsHeader& header,
                                          const TensorSpec& tensor);

}  // namespace paramd
