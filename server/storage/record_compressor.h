#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

struct ZSTD_CCtx_s;

namespace paramd {

// Compresses payloads of records with zstd, each by itself. Not thread-safe.
class RecordCompressor {
 public:
  // `level`: 1 to 19.
  explicit RecordCompressor(int level);
  ~RecordCompressor();
  RecordCompressor(const RecordCompressor&) = delete;
  RecordCompressor& operator=(const RecordCompressor&) = delete;

  // The pieces as one zstd frame that states their size; valid until the next call. Empty when it
  // would not be shorter than they are.
  absl::string_view Compress(absl::Span<const absl::string_view> pieces);

 private:
  ZSTD_CCtx_s* const context_;
  std::string joined_;       // several pieces
  std::vector<char> frame_;  // only grows
};

// Replaces `payload` by what `frame` decompresses to, which is payload_bytes long. INVALID_ARGUMENT
// (without a file's name, before any memory is taken for it) when it is not.
absl::Status Decompress(absl::string_view frame, uint64_t payload_bytes, std::string* payload);

}  // namespace paramd
