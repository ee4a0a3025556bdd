#include "worker/data/open_record_reader.h"

#include "worker/data/idx_record_reader.h"
#include "worker/data/line_record_reader.h"

namespace paramd {

absl::StatusOr<std::unique_ptr<RecordReader>> OpenRecordReader(const v1::Data& data,
                                                               const DatasetShape& shape,
                                                               const v1::Partition& partition) {
  if (data.format() == v1::Data::IDX) return IdxRecordReader::Open(data, shape, partition);
  return LineRecordReader::Open(data, shape, partition);
}

}  // namespace paramd
