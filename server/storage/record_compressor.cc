#include "server/storage/record_compressor.h"

#include <zstd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "server/storage/record_format.h"

namespace paramd {

RecordCompressor::RecordCompressor(int level) : context_(ZSTD_createCCtx()) {
  if (context_ == nullptr) std::abort();  // no memory
  ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
}

RecordCompressor::~RecordCompressor() { ZSTD_freeCCtx(context_); }

absl::string_view RecordCompressor::Compress(absl::Span<const absl::string_view> pieces) {
  const uint64_t bytes = TotalBytes(pieces);
  if (bytes == 0) return {};
  absl::string_view whole = pieces[0];
  if (pieces.size() > 1) {
    // zstd's streams copy too, and take a tenth longer.
    joined_.clear();
    for (const absl::string_view piece : pieces) joined_.append(piece.data(), piece.size());
    whole = joined_;
  }
  if (frame_.size() < bytes) frame_.resize(bytes);
  // What does not fit is not worth it.
  const size_t size =
      ZSTD_compress2(context_, frame_.data(), bytes - 1, whole.data(), whole.size());
  return ZSTD_isError(size) ? absl::string_view() : absl::string_view(frame_.data(), size);
}

absl::Status Decompress(absl::string_view frame, uint64_t payload_bytes, std::string* payload) {
  if (ZSTD_getFrameContentSize(frame.data(), frame.size()) != payload_bytes) {
    return absl::InvalidArgumentError("the zstd frame is of another size than the record says");
  }
  payload->resize(payload_bytes);
  const size_t got = ZSTD_decompress(payload->data(), payload->size(), frame.data(), frame.size());
  if (got == payload_bytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("zstd: ", ZSTD_isError(got) ? ZSTD_getErrorName(got) : "a wrong size"));
}

}  // namespace paramd
