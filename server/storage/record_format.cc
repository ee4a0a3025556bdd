#include "server/storage/record_format.h"

#include <cstddef>
#include <cstring>

#include "common/base/crc32c.h"

namespace paramd {
namespace {

template <typename Header>
uint32_t CrcOfFirst(const Header& header, size_t bytes) {
  return Crc32c(absl::string_view(reinterpret_cast<const char*>(&header), bytes));
}

}  // namespace

uint32_t HeaderCrc(const RecordFileHeader& header) {
  return CrcOfFirst(header, offsetof(RecordFileHeader, crc));
}

uint32_t HeaderCrc(const RecordHeader& header) {
  return CrcOfFirst(header, offsetof(RecordHeader, header_crc));
}

std::string MakeRecordFileHeader() {
  RecordFileHeader header;
  std::memcpy(header.magic, kRecordFileMagic.data(), sizeof(header.magic));
  header.crc = HeaderCrc(header);
  return std::string(reinterpret_cast<const char*>(&header), sizeof(header));
}

RecordHeader MakeRecordHeader(absl::Span<const absl::string_view> body, uint64_t payload_bytes,
                              RecordCoding coding) {
  RecordHeader header{.body_bytes = static_cast<uint32_t>(TotalBytes(body)),
                      .payload_bytes = static_cast<uint32_t>(payload_bytes),
                      .coding = coding};
  for (const absl::string_view piece : body) header.body_crc = ExtendCrc32c(header.body_crc, piece);
  header.header_crc = HeaderCrc(header);
  return header;
}

uint64_t TotalBytes(absl::Span<const absl::string_view> pieces) {
  uint64_t bytes = 0;
  for (const absl::string_view piece : pieces) bytes += piece.size();
  return bytes;
}

}  // namespace paramd
