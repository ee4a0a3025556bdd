#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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
  // The first kMaxExamples bad ones, as "file:line: what is wrong".
  std::vector<std::string> bad_record_examples;
};

// Reads the examples of one partition, batch by batch, in the order of the file:
//   ASSIGN_OR_RETURN(const DatasetShape shape, ReadDatasetShape(data));
//   ASSIGN_OR_RETURN(auto reader, BatchReader::Open(data, shape, partition));
//   Batch batch;
//   while (true) {
//     ASSIGN_OR_RETURN(const bool more, reader->Next(256, &batch));
//     if (!more) break;
//     ...
//   }
// Memory does not grow with the file. Not thread-safe.
class BatchReader {
 public:
  // The partition must begin and end at the beginning of a line; end = 0 is the end of the file.
  // INVALID_ARGUMENT: it does not, or the file cannot hold data of `shape` (its header shows other
  // columns). Otherwise the errors of opening the file, which they name.
  static absl::StatusOr<std::unique_ptr<BatchReader>> Open(const v1::Data& data,
                                                           const DatasetShape& shape,
                                                           const v1::Partition& partition);

  // Replaces `batch` by the next examples: `max_rows` (> 0) of them, fewer at the end or when they
  // hold more than 2^28 values. False, and an empty batch, when there are no more. A bad record is
  // skipped and counted, or, when data.on_bad_record.action is FAIL, INVALID_ARGUMENT:
  // "file:line: what is wrong". DATA_LOSS: corrupt or truncated compressed data, a file that was
  // cut short. After an error the reader is of no more use.
  absl::StatusOr<bool> Next(int max_rows, Batch* batch);

  const ReadStats& stats() const { return stats_; }

 private:
  BatchReader(const v1::Data& data, const DatasetShape& shape, const v1::Partition& partition,
              std::unique_ptr<ByteSource> source, std::unique_ptr<LineParser> parser);

  absl::Status ParseLine();
  absl::Status CountBadRecord(absl::string_view what);
  // Number of the current line in the file, from 1. Counts the lines before the partition once.
  absl::StatusOr<uint64_t> LineNumber();

  const DatasetShape shape_;
  const std::string file_;
  const uint64_t begin_;  // byte of the file
  const bool has_header_;
  const bool fail_on_bad_record_;
  const std::unique_ptr<LineParser> parser_;
  LineSplitter lines_;
  BatchBuilder builder_;
  std::optional<uint64_t> lines_before_;
  ReadStats stats_;
};

}  // namespace paramd
