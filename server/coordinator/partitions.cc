#include "server/coordinator/partitions.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "common/base/cut_at_lines.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/idx/idx_header.h"

namespace paramd {
namespace {

bool IsCompressed(absl::string_view path) {
  return absl::EndsWith(path, ".gz") || absl::EndsWith(path, ".zst");
}

// Where to cut an IDX file: behind its header, record starts, its end.
absl::StatusOr<std::vector<uint64_t>> IdxBounds(const std::string& path, uint64_t parts) {
  ASSIGN_OR_RETURN(const std::string content, ReadFileRange(path, 0, IdxHeader::kMaxBytes));
  ASSIGN_OR_RETURN(const IdxHeader header, ParseIdxHeader(content, path));
  std::vector<uint64_t> bounds = {header.bytes};
  for (const uint64_t record : EqualCuts(header.records, parts)) {
    bounds.push_back(header.bytes + record * header.record_bytes);
  }
  bounds.push_back(header.file_bytes());
  return bounds;
}

absl::Status CutFile(v1::Data::Format format, const std::string& path, uint64_t size,
                     uint64_t parts, std::vector<v1::Partition>* partitions) {
  ASSIGN_OR_RETURN(const std::vector<uint64_t> bounds, format == v1::Data::IDX
                                                           ? IdxBounds(path, parts)
                                                           : CutAtLines(path, size, parts));
  for (size_t i = 0; i + 1 < bounds.size(); ++i) {
    if (bounds[i] == bounds[i + 1]) continue;
    v1::Partition& partition = partitions->emplace_back();
    partition.set_file(path);
    partition.set_begin(bounds[i]);
    partition.set_end(bounds[i + 1]);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<v1::Partition>> CutTrainingFiles(const v1::Data& data,
                                                            uint32_t workers) {
  std::vector<uint64_t> sizes;
  uint64_t plain_bytes = 0;
  for (const std::string& path : data.train()) {
    ASSIGN_OR_RETURN(sizes.emplace_back(), FileSize(path));
    if (!IsCompressed(path)) plain_bytes += sizes.back();
  }
  const uint64_t wanted = uint64_t{workers} * data.partitions_per_worker();
  std::vector<v1::Partition> partitions;
  for (int i = 0; i < data.train_size(); ++i) {
    if (sizes[i] == 0) continue;
    if (IsCompressed(data.train(i))) {
      partitions.emplace_back().set_file(data.train(i));
      continue;
    }
    // In proportion to the file's share of all bytes, rounded up.
    const auto share = static_cast<uint64_t>(
        (static_cast<unsigned __int128>(wanted) * sizes[i] + plain_bytes - 1) / plain_bytes);
    RETURN_IF_ERROR(
        CutFile(data.format(), data.train(i), sizes[i], std::max<uint64_t>(share, 1), &partitions));
  }
  return partitions;
}

absl::StatusOr<std::vector<v1::Partition>> WholeFiles(
    const google::protobuf::RepeatedPtrField<std::string>& paths) {
  std::vector<v1::Partition> files;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const uint64_t size, FileSize(path));
    if (size > 0) files.emplace_back().set_file(path);
  }
  return files;
}

absl::StatusOr<std::vector<v1::Partition>> EvaluationFiles(const v1::Data& data) {
  return WholeFiles(data.eval_fraction() > 0 ? data.train() : data.eval());
}

}  // namespace paramd
