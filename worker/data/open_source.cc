#include "worker/data/open_source.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "worker/data/file_source.h"
#include "worker/data/gzip_source.h"
#include "worker/data/zstd_source.h"

namespace paramd {
namespace {

bool IsGzip(absl::string_view path) { return absl::EndsWith(path, ".gz"); }
bool IsZstd(absl::string_view path) { return absl::EndsWith(path, ".zst"); }

}  // namespace

bool IsCompressed(absl::string_view path) { return IsGzip(path) || IsZstd(path); }

absl::StatusOr<std::unique_ptr<ByteSource>> OpenSource(const std::string& path, uint64_t begin,
                                                       uint64_t end) {
  if (IsCompressed(path) && (begin != 0 || end != 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": a compressed file is read whole, not bytes ", begin, " to ", end));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> file, FileSource::Open(path, begin, end));
  if (IsGzip(path)) return MakeGzipSource(std::move(file), path);
  if (IsZstd(path)) return MakeZstdSource(std::move(file), path);
  return file;
}

}  // namespace paramd
