#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"
#include "worker/data/batch_builder.h"
#include "worker/data/line_parser.h"
#include "worker/data/line_splitter.h"

namespace paramd {

// What was read so far.
struct ReadStats {
  static constexpr size_t kMaxExamples = 5;

  uint64_t records = 0;  // good ones
  uint64_t bad_records = 0;
  // The first few bad ones, as "file:line: what is wrong".
  std::vector<std::string> bad_record_examples;
};

// Reads the records of one partition of a file, one after the other. Memory does not grow with the
// file. Not thread-safe.
class RecordReader {
 public:
  // As BatchReader::Open, for one partition.
  static absl::StatusOr<std::unique_ptr<RecordReader>> Open(const v1::Data& data,
                                                            const DatasetShape& shape,
                                                            const v1::Partition& partition);

  // Moves to the next line that holds a record, good or bad; false at the end. DATA_LOSS: corrupt
  // or truncated compressed data, a file that was cut short.
  absl::StatusOr<bool> Next();

  // Adds the current record as a row and counts it in `stats`. A bad one is only counted, or, when
  // data.on_bad_record.action is FAIL, INVALID_ARGUMENT: "file:line: what is wrong".
  absl::Status Parse(BatchBuilder* builder, ReadStats* stats);

  // Bytes of the partition behind the current line; as many as can be when its end is not known.
  uint64_t BytesLeft() const;

 private:
  RecordReader(const v1::Data& data, const v1::Partition& partition,
               std::unique_ptr<ByteSource> source, std::unique_ptr<LineParser> parser);

  // Number of the current line in the file, from 1. Counts the lines before the partition once.
  absl::StatusOr<uint64_t> LineNumber();

  const std::string file_;
  const uint64_t begin_;  // byte of the file
  const uint64_t end_;    // 0: its end
  const bool has_header_;
  const bool fail_on_bad_record_;
  const std::unique_ptr<LineParser> parser_;
  LineSplitter lines_;
  std::optional<uint64_t> lines_before_;
};

}  // namespace paramd
