#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/storage/input_file.h"
#include "server/storage/record_format.h"

namespace paramd {

// Reads the records of a file (FORMAT.md) in order.
//
//   while (true) {
//     ASSIGN_OR_RETURN(const RecordFileReader::Found found, reader->Next(&payload));
//     if (found != RecordFileReader::Found::kRecord) break;
//     ...
//   }
//
// Not thread-safe.
class RecordFileReader {
 public:
  enum class Found {
    kRecord,
    kEnd,   // the file ends behind the last record
    kTorn,  // the file ends in what a crash leaves of a record: part of it, or zeros
  };

  // Of a longer file the bytes from `limit` on are not looked at. Errors as of common/base/file.h.
  static absl::StatusOr<std::unique_ptr<RecordFileReader>> Open(
      const std::string& path, uint64_t limit = std::numeric_limits<uint64_t>::max());

  // Replaces `payload` by the next record's. DATA_LOSS, with file and offset, when the file is
  // damaged before its end, and when its header is of something else; otherwise errors of reading.
  // After anything but kRecord not called again.
  absl::StatusOr<Found> Next(std::string* payload);

  // Behind the last record that was returned; 0 before the file's header was read.
  uint64_t offset() const { return offset_; }

 private:
  RecordFileReader(std::unique_ptr<InputFile> file, uint64_t size)
      : file_(std::move(file)), size_(size) {}

  absl::StatusOr<Found> CheckFileHeader();
  absl::StatusOr<Found> ReadRecord(std::string* payload);
  absl::StatusOr<Found> ReadBody(const RecordHeader& header, std::string* payload);
  // What bytes [offset_, end) are that make no sense, because of `what`: torn, or damage.
  absl::StatusOr<Found> TornOrDamaged(uint64_t end, absl::string_view what);
  absl::StatusOr<uint64_t> BeginOfLastZeros();
  absl::Status Damaged(absl::string_view what) const;

  template <typename Header>
  absl::Status ReadHeader(uint64_t offset, Header* header) {
    return file_->Read(offset, {reinterpret_cast<char*>(header), sizeof(Header)});
  }

  const std::unique_ptr<InputFile> file_;
  const uint64_t size_;
  uint64_t offset_ = 0;
  std::string frame_;  // of a compressed record
};

}  // namespace paramd
