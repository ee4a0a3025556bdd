#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace paramd {

// The bytes of record files (FORMAT.md).

inline constexpr absl::string_view kRecordFileMagic = "PARAMDRF";
inline constexpr uint32_t kRecordFileVersion = 1;

// Largest payload of a record, before compression.
inline constexpr uint64_t kMaxRecordBytes = uint64_t{1} << 30;

// What a record file begins with, as it is in memory.
struct RecordFileHeader {
  char magic[8];
  uint32_t version = kRecordFileVersion;
  uint32_t crc = 0;  // CRC-32C of the bytes before
};
static_assert(sizeof(RecordFileHeader) == 16);

enum class RecordCoding : uint32_t { kPlain = 0, kZstd = 1 };

// What stands before the body of a record, as it is in memory.
struct RecordHeader {
  uint32_t body_bytes = 0;     // as they lie in the file
  uint32_t payload_bytes = 0;  // after decompression
  RecordCoding coding = RecordCoding::kPlain;
  uint32_t body_crc = 0;    // CRC-32C
  uint32_t header_crc = 0;  // of the bytes before
};
static_assert(sizeof(RecordHeader) == 20);

// The bytes that a file begins with.
std::string MakeRecordFileHeader();

// Checksums and all. `body`: the bytes in pieces, one after the other.
RecordHeader MakeRecordHeader(absl::Span<const absl::string_view> body, uint64_t payload_bytes,
                              RecordCoding coding);

// header_crc as it ought to be.
uint32_t HeaderCrc(const RecordFileHeader& header);
uint32_t HeaderCrc(const RecordHeader& header);

uint64_t TotalBytes(absl::Span<const absl::string_view> pieces);

}  // namespace paramd
