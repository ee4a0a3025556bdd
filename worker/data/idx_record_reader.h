#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/idx/idx_header.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"
#include "worker/data/exact_reader.h"
#include "worker/data/record_reader.h"

namespace paramd {

// Records of an IDX file (common/idx/idx_header.h) with their labels from a second one: a dense row
// of the bytes of a record, 0 to 255 as they are. No record is a bad one.
class IdxRecordReader final : public RecordReader {
 public:
  // As BatchReader::Open, for one partition, which begins and ends at records. INVALID_ARGUMENT: a
  // file that is no IDX file, another number of labels than of records, another size of the records
  // than `shape` says; DATA_LOSS: a file that is not as long as its header says.
  static absl::StatusOr<std::unique_ptr<RecordReader>> Open(const v1::Data& data,
                                                            const DatasetShape& shape,
                                                            const v1::Partition& partition);

  absl::StatusOr<bool> Next() override;
  absl::Status Parse(BatchBuilder* builder, ReadStats* stats) override;
  uint64_t Offset() const override { return header_.bytes + (next_ - 1) * header_.record_bytes; }
  uint64_t BytesLeft() const override { return (end_ - next_) * header_.record_bytes; }

 private:
  // A file that is read record by record.
  struct File {
    std::string path;
    ExactReader reader;
  };

  IdxRecordReader(const v1::Data& data, const IdxHeader& header, File records, File labels);

  // Moves both files to the first of the records [begin, end).
  absl::Status Seek(uint64_t begin, uint64_t end);
  // The error of a file that ends too early, or does not end where it should.
  absl::Status WrongLength(const File& file, absl::string_view how) const;
  absl::Status CheckEnd();

  const IdxHeader header_;
  std::array<float, 256> label_of_;  // by the byte in the file
  File records_;
  File labels_;
  uint64_t next_ = 0;
  uint64_t end_ = 0;
  absl::string_view record_;  // the current one, in records_
  float label_ = 0;
};

// The file with the labels of `file`; INVALID_ARGUMENT when the settings name none.
absl::StatusOr<std::string> IdxLabelsOf(const v1::Data& data, const std::string& file);

// The header of `file` and the number of its labels, from the beginnings of both. Errors as of
// IdxRecordReader::Open.
absl::StatusOr<IdxHeader> ReadIdxHeaders(const v1::Data& data, const std::string& file);

}  // namespace paramd
