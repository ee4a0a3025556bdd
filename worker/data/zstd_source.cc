#include "worker/data/zstd_source.h"

#include <zstd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "worker/data/compressed_input.h"

namespace paramd {
namespace {

class ZstdSource final : public ByteSource {
 public:
  ZstdSource(std::unique_ptr<ByteSource> source, const std::string& name, ZSTD_DStream* stream)
      : input_(std::move(source), name), stream_(stream) {}
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    while (true) {
      ASSIGN_OR_RETURN(const bool more, input_.Fill());
      // Without new input the decoder may still hold decoded bytes, but never after a frame's end.
      if (!more && frame_ended_) return 0;
      ZSTD_inBuffer in = {input_.rest().data(), input_.rest().size(), 0};
      ZSTD_outBuffer out = {buffer.data(), buffer.size(), 0};
      const size_t result = ZSTD_decompressStream(stream_, &out, &in);
      input_.Consume(in.pos);
      if (ZSTD_isError(result)) {
        return input_.Corrupt(absl::StrCat("zstd: ", ZSTD_getErrorName(result)));
      }
      frame_ended_ = result == 0;
      if (out.pos > 0) return out.pos;
      if (!more && !frame_ended_) return input_.Corrupt("the zstd data ends too early");
    }
  }

 private:
  CompressedInput input_;
  ZSTD_DStream* const stream_;
  bool frame_ended_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> MakeZstdSource(std::unique_ptr<ByteSource> source,
                                                           const std::string& name) {
  ZSTD_DStream* const stream = ZSTD_createDStream();
  if (stream == nullptr) {
    return absl::ResourceExhaustedError(name + ": no memory to decompress");
  }
  return std::make_unique<ZstdSource>(std::move(source), name, stream);
}

}  // namespace paramd
