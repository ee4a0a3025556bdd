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
  if (frame_.size() < bytes) frame_.resize(bytes);
  ZSTD_CCtx_reset(context_, ZSTD_reset_session_only);
  ZSTD_CCtx_setPledgedSrcSize(context_, bytes);
  // What does not fit is not worth it.
  ZSTD_outBuffer out = {frame_.data(), bytes - 1, 0};
  for (const absl::string_view piece : pieces) {
    ZSTD_inBuffer in = {piece.data(), piece.size(), 0};
    while (in.pos < in.size) {
      const size_t rest = ZSTD_compressStream2(context_, &out, &in, ZSTD_e_continue);
      if (ZSTD_isError(rest) || out.pos == out.size) return {};
    }
  }
  ZSTD_inBuffer nothing = {nullptr, 0, 0};
  if (ZSTD_compressStream2(context_, &out, &nothing, ZSTD_e_end) != 0) return {};
  return {frame_.data(), out.pos};
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
