#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"
#include "worker/data/byte_source.h"
#include "worker/data/line_parser.h"
#include "worker/data/line_splitter.h"
#include "worker/data/record_reader.h"

namespace paramd {

// Records of a text format, at most one a line.
class LineRecordReader final : public RecordReader {
 public:
  // As BatchReader::Open, for one partition.
  static absl::StatusOr<std::unique_ptr<RecordReader>> Open(const v1::Data& data,
                                                            const DatasetShape& shape,
                                                            const v1::Partition& partition);

  absl::StatusOr<bool> Next() override;
  absl::Status Parse(BatchBuilder* builder, ReadStats* stats) override;
  uint64_t Offset() const override { return offset_; }
  uint64_t BytesLeft() const override;

 private:
  LineRecordReader(const v1::Data& data, const v1::Partition& partition,
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
  uint64_t offset_ = 0;
  std::optional<uint64_t> lines_before_;
};

}  // namespace paramd
