#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/data/batch_builder.h"

namespace paramd {

// What was read so far.
struct ReadStats {
  static constexpr size_t kMaxExamples = 5;

  uint64_t records = 0;  // good ones
  uint64_t bad_records = 0;
  // The first few bad ones, as "file:line: what is wrong".
  std::vector<std::string> bad_record_examples;
};

// Reads the records of one partition of a file, one after the other (worker/data/
// open_record_reader.h makes one). Memory does not grow with the file. Not thread-safe.
class RecordReader {
 public:
  virtual ~RecordReader() = default;

  // Moves to the next record, good or bad; false at the end. DATA_LOSS: corrupt or truncated
  // compressed data, a file that was cut short.
  virtual absl::StatusOr<bool> Next() = 0;

  // Adds the current record as a row and counts it in `stats`. A bad one is only counted, or, when
  // data.on_bad_record.action is FAIL, INVALID_ARGUMENT: "file:line: what is wrong".
  virtual absl::Status Parse(BatchBuilder* builder, ReadStats* stats) = 0;

  // Where the current record begins: a byte of the file, decompressed.
  virtual uint64_t Offset() const = 0;

  // Bytes of the partition behind the current record; as many as can be when its end is not known.
  virtual uint64_t BytesLeft() const = 0;
};

}  // namespace paramd
