#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"
#include "worker/data/batch_builder.h"
#include "worker/data/column_scaler.h"
#include "worker/data/label_weights.h"
#include "worker/data/record_reader.h"
#include "worker/data/split.h"

namespace paramd {

// Reads the examples of partitions, one partition after the other, batch by batch:
//   ASSIGN_OR_RETURN(const DatasetShape shape, ReadDatasetShape(data));
//   ASSIGN_OR_RETURN(auto reader, BatchReader::Open(data, shape, {partition}));
//   Batch batch;
//   while (true) {
//     ASSIGN_OR_RETURN(const bool more, reader->Next(256, &batch));
//     if (!more) break;
//     ...
//   }
// Memory does not grow with the files. Not thread-safe.
class BatchReader {
 public:
  // Partitions must begin and end at the beginning of a line; end = 0 is the end of the file. All
  // have the same stripe. INVALID_ARGUMENT: they do not, a file cannot hold data of `shape` (its
  // header shows other columns), or `shape` has not one scale for each column. Otherwise the errors
  // of opening the files, which they name. Files after the first are opened by Next, which then has
  // these errors too. Only the records that `split` has are read.
  static absl::StatusOr<std::unique_ptr<BatchReader>> Open(const v1::Data& data,
                                                           const DatasetShape& shape,
                                                           std::vector<v1::Partition> partitions,
                                                           const Split& split = {});

  // Replaces `batch` by the next examples: `max_rows` (> 0) of them, fewer at the end or when they
  // hold more than 2^28 values. Without scales a number that is missing (data.csv.missing: mean) is
  // NaN. False, and an empty batch, when there are no more. A bad record is
  // skipped and counted, or, when data.on_bad_record.action is FAIL, INVALID_ARGUMENT: "file:line:
  // what is wrong". DATA_LOSS: corrupt or truncated compressed data, a file that was cut short.
  // After an error the reader is of no more use.
  //
  // With stripes, every batch is cut from `max_rows` records (the same number in each call), good
  // and bad, and the batches of the other stripes are passed over without being parsed.
  absl::StatusOr<bool> Next(int max_rows, Batch* batch);

  // Bytes of the last partition that are not read yet; as many as can be while it is not the
  // current one or its end is not known.
  uint64_t BytesLeft() const;

  const ReadStats& stats() const { return stats_; }

 private:
  BatchReader(const v1::Data& data, const DatasetShape& shape,
              std::vector<v1::Partition> partitions, const Split& split);

  absl::Status OpenNext();
  // Moves to the next record of the split, in the next partition if need be; false at the end of
  // all.
  absl::StatusOr<bool> NextRecord();
  absl::StatusOr<bool> SkipRecords(uint64_t count);

  const v1::Data data_;
  const DatasetShape shape_;
  const std::vector<v1::Partition> partitions_;
  const Split split_;
  const uint32_t stripes_;  // 0: none
  // Batches of other stripes before the next one of this.
  uint64_t skip_;
  size_t next_partition_ = 0;
  std::unique_ptr<RecordReader> records_;
  uint64_t file_key_ = 0;  // of the current partition's file, for split_
  const LabelWeights label_weights_;
  const ColumnScaler scaler_;
  BatchBuilder builder_;
  ReadStats stats_;
};

}  // namespace paramd
