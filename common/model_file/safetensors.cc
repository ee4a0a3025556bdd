#include "common/model_file/safetensors.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace paramd {

static_assert(std::endian::native == std::endian::little,
              "tensors are read and written as they lie in memory");

namespace {

constexpr uint64_t kLengthBytes = 8;

absl::Status Corrupt(const std::string& file, absl::string_view what) {
  return absl::DataLossError(absl::StrCat(file, ": ", what));
}

uint64_t ElementBytes(TensorType type) {
  switch (type) {
    case TensorType::kU64:
      return sizeof(uint64_t);
    case TensorType::kBF16:
      return sizeof(uint16_t);
    case TensorType::kI8:
      return sizeof(int8_t);
    default:
      return sizeof(float);
  }
}

}  // namespace

absl::StatusOr<uint64_t> TensorBytes(TensorType type, const std::vector<uint64_t>& shape) {
  uint64_t bytes = ElementBytes(type);
  for (const uint64_t size : shape) {
    if (__builtin_mul_overflow(bytes, size, &bytes)) {
      return absl::InvalidArgumentError("the shape is too large");
    }
  }
  return bytes;
}

absl::StatusOr<SafetensorsHeader> ReadSafetensorsHeader(const std::string& file) {
  ASSIGN_OR_RETURN(const uint64_t file_bytes, FileSize(file));
  ASSIGN_OR_RETURN(const std::string length, ReadFileRange(file, 0, kLengthBytes));
  if (length.size() < kLengthBytes) return Corrupt(file, "shorter than the length of its header");
  uint64_t header_bytes;
  std::memcpy(&header_bytes, length.data(), kLengthBytes);
  if (header_bytes > kMaxSafetensorsHeaderBytes) {
    return Corrupt(file, absl::StrCat("a header of ", header_bytes,
                                      " bytes is longer than allowed; not a safetensors file?"));
  }
  if (kLengthBytes + header_bytes > file_bytes) {
    return Corrupt(file, absl::StrCat("ends in its header, after ", file_bytes, " of ",
                                      kLengthBytes + header_bytes, " bytes"));
  }
  ASSIGN_OR_RETURN(const std::string json, ReadFileRange(file, kLengthBytes, header_bytes));
  const uint64_t data_begin = kLengthBytes + header_bytes;
  ASSIGN_OR_RETURN(SafetensorsHeader header,
                   ParseSafetensorsHeader(json, file_bytes - data_begin, file));
  header.data_begin = data_begin;
  return header;
}

template <typename T>
absl::StatusOr<std::vector<T>> ReadTensor(const std::string& file, const SafetensorsHeader& header,
                                          const TensorSpec& tensor) {
  assert(ElementBytes(tensor.type) == sizeof(T));
  const uint64_t bytes = tensor.end - tensor.begin;
  std::vector<T> values(bytes / sizeof(T));
  constexpr uint64_t kBlockBytes = uint64_t{8} << 20;
  for (uint64_t done = 0; done < bytes;) {
    const uint64_t wanted = std::min(kBlockBytes, bytes - done);
    ASSIGN_OR_RETURN(const std::string block,
                     ReadFileRange(file, header.data_begin + tensor.begin + done, wanted));
    if (block.size() != wanted) return Corrupt(file, "became shorter while it was read");
    std::memcpy(reinterpret_cast<char*>(values.data()) + done, block.data(), wanted);
    done += wanted;
  }
  return values;
}

template absl::StatusOr<std::vector<float>> ReadTensor(const std::string&, const SafetensorsHeader&,
                                                       const TensorSpec&);
template absl::StatusOr<std::vector<uint64_t>> ReadTensor(const std::string&,
                                                          const SafetensorsHeader&,
                                                          const TensorSpec&);
template absl::StatusOr<std::vector<uint16_t>> ReadTensor(const std::string&,
                                                          const SafetensorsHeader&,
                                                          const TensorSpec&);
template absl::StatusOr<std::vector<int8_t>> ReadTensor(const std::string&,
                                                        const SafetensorsHeader&,
                                                        const TensorSpec&);

}  // namespace paramd
