#include "worker/data/cache_writer.h"

#include <cstddef>

#include "absl/memory/memory.h"
#include "absl/strings/string_view.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"
#include "worker/data/cache_block.h"
#include "worker/data/cache_frame.h"

namespace paramd {

absl::StatusOr<std::unique_ptr<CacheWriter>> CacheWriter::Create(const std::string& path,
                                                                 const CacheKey& key,
                                                                 const DatasetShape& shape) {
  ASSIGN_OR_RETURN(std::unique_ptr<AtomicFileWriter> file, AtomicFileWriter::CreateExclusive(path));
  RETURN_IF_ERROR(file->Append(key.header));
  return absl::WrapUnique(new CacheWriter(std::move(file), shape));
}

absl::Status CacheWriter::Add(const Batch& batch, const ReadStats& so_far) {
  const auto& examples = so_far.bad_record_examples;
  const ReadStats bad = {.bad_records = so_far.bad_records - bad_records_,
                         .bad_record_examples = {
                             examples.begin() + static_cast<ptrdiff_t>(examples_), examples.end()}};
  bad_records_ = so_far.bad_records;
  examples_ = examples.size();
  EncodeCacheBlock(batch, shape_, bad, &body_);
  const absl::string_view body(reinterpret_cast<const char*>(body_.data()),
                               body_.size() * sizeof(uint64_t));
  CacheFrame frame = {.number = blocks_++, .body_bytes = body.size(), .body_crc = Crc32c(body)};
  const auto* const bytes = reinterpret_cast<const char*>(&frame);
  frame.frame_crc = Crc32c({bytes, CacheFrame::kCheckedBytes});
  RETURN_IF_ERROR(file_->Append({bytes, sizeof(frame)}));
  return file_->Append(body);
}

}  // namespace paramd
