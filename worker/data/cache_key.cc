#include "worker/data/cache_key.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "worker/data/idx_record_reader.h"
#include "worker/data/shape_to_proto.h"

namespace paramd {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they are");

constexpr absl::string_view kMagic = "PARAMDBC";
// Of the format, and of what the readers make of the same text with the same settings.
constexpr uint32_t kVersion = 1;
constexpr size_t kVersionAt = 8, kCrcAt = 12, kFingerprintAt = 16;

template <typename T>
std::string Bytes(T value) {
  std::string bytes(sizeof(value), '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

// Adds `part` so that no two lists of parts give the same text.
void AppendPart(absl::string_view part, std::string* text) {
  absl::StrAppend(text, Bytes(uint64_t{part.size()}), part);
}

// Without what parsing does not depend on. Files come with the partitions, rows of a batch and the
// split by themselves; a setting that is not named here counts.
v1::Data ParsingOf(v1::Data data) {
  data.clear_train();
  data.clear_eval();
  data.clear_batch_size();
  data.clear_epochs();
  data.clear_eval_every();
  data.mutable_on_bad_record()->clear_max_fraction();
  data.clear_assignment();
  data.clear_partitions_per_worker();
  data.clear_shuffle();
  data.clear_idx();
  data.clear_eval_fraction();
  data.clear_cache();
  return data;
}

std::string DescribeParsing(const BatchRequest& request) {
  std::string text;
  AppendPart(ParsingOf(request.data).SerializeAsString(), &text);
  AppendPart(ToProto(request.shape).SerializeAsString(), &text);
  AppendPart(Bytes(uint64_t{request.shape.feature_names.size()}), &text);
  for (const std::string& name : request.shape.feature_names) AppendPart(name, &text);
  AppendPart(Bytes(request.split.fraction), &text);
  AppendPart(Bytes(request.split.seed), &text);
  AppendPart(Bytes(request.batch_rows), &text);
  return text;
}

std::string DescribePlace(const BatchRequest& request) {
  std::string text;
  AppendPart(Bytes(request.split.part), &text);
  for (const v1::Partition& partition : request.partitions) {
    AppendPart(partition.SerializeAsString(), &text);
  }
  return text;
}

// Every file that the batches come from.
absl::StatusOr<std::vector<std::string>> SourcesOf(const BatchRequest& request) {
  std::vector<std::string> files;
  for (const v1::Partition& partition : request.partitions) {
    files.push_back(partition.file());
    if (request.data.format() != v1::Data::IDX) continue;
    ASSIGN_OR_RETURN(std::string labels, IdxLabelsOf(request.data, partition.file()));
    files.push_back(std::move(labels));
  }
  return files;
}

std::string Fingerprint(absl::string_view text) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(text.data(), text.size()));
  return std::string(reinterpret_cast<const char*>(canonical.digest), sizeof(canonical.digest));
}

}  // namespace

absl::StatusOr<CacheKey> MakeCacheKey(const BatchRequest& request) {
  const std::string place = DescribePlace(request);
  std::string text = absl::StrCat(DescribeParsing(request), place);
  uint64_t size = 0;
  int64_t modified_ns = 0;
  ASSIGN_OR_RETURN(const std::vector<std::string> sources, SourcesOf(request));
  for (const std::string& file : sources) {
    ASSIGN_OR_RETURN(const FileVersion version, ReadFileVersion(file));
    AppendPart(file, &text);
    AppendPart(Bytes(version.size), &text);
    AppendPart(Bytes(version.modified_ns), &text);
    size += version.size;
    modified_ns = std::max(modified_ns, version.modified_ns);
  }
  const std::string body = absl::StrCat(Fingerprint(text), Bytes(size), Bytes(modified_ns),
                                        Bytes(uint64_t{sources.size()}));
  return CacheKey{
      .name = absl::StrCat(absl::Hex(XXH3_64bits(place.data(), place.size()), absl::kZeroPad16),
                           ".batches"),
      .header = absl::StrCat(kMagic, Bytes(kVersion), Bytes(Crc32c(body)), body)};
}

absl::Status CheckCacheHeader(const CacheKey& key, absl::string_view header) {
  if (header == key.header) return absl::OkStatus();
  if (header.size() < CacheKey::kHeaderBytes || header.substr(0, kMagic.size()) != kMagic) {
    return absl::DataLossError("it does not begin as a cache file");
  }
  if (header.substr(kVersionAt, sizeof(kVersion)) != Bytes(kVersion)) {
    return absl::FailedPreconditionError("it has another version of the format");
  }
  if (header.substr(kCrcAt, sizeof(uint32_t)) != Bytes(Crc32c(header.substr(kFingerprintAt)))) {
    return absl::DataLossError("its header is damaged");
  }
  return absl::FailedPreconditionError("it was made of other files or with other settings");
}

}  // namespace paramd
