#include "common/idx/idx_header.h"

#include "absl/strings/str_cat.h"

namespace paramd {
namespace {

constexpr size_t kMaxDimensions = 8;
constexpr uint64_t kMaxRecordBytes = uint64_t{1} << 28;

uint64_t BigEndian(absl::string_view bytes) {
  uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

}  // namespace

absl::StatusOr<IdxHeader> ParseIdxHeader(absl::string_view content, const std::string& file) {
  const auto error = [&](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": not an IDX file of unsigned bytes: ", what));
  };
  if (content.size() < 4) return error("it is shorter than 4 bytes");
  if (BigEndian(content.substr(0, 3)) != 8) {
    return error(absl::StrCat("it begins with 0x",
                              absl::Hex(BigEndian(content.substr(0, 4)), absl::kZeroPad8),
                              ", not with 0x000008.."));
  }
  const size_t dimensions = static_cast<unsigned char>(content[3]);
  if (dimensions == 0 || dimensions > kMaxDimensions) {
    return error(absl::StrCat(dimensions, " dimensions, wanted are 1 to ", kMaxDimensions));
  }
  IdxHeader header{.bytes = 4 + 4 * dimensions};
  if (content.size() < header.bytes) return error("its header is cut short");
  header.records = BigEndian(content.substr(4, 4));
  for (size_t i = 1; i < dimensions; ++i) {
    header.record_bytes *= BigEndian(content.substr(4 + 4 * i, 4));
    if (header.record_bytes == 0) return error("a dimension is 0");
    if (header.record_bytes > kMaxRecordBytes) return error("records are larger than 256 MiB");
  }
  return header;
}

}  // namespace paramd
