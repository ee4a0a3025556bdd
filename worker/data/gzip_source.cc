#include "worker/data/gzip_source.h"

#define ZLIB_CONST
#include <zlib.h>

#include <utility>

#include "common/base/status_macros.h"
#include "worker/data/compressed_input.h"

namespace paramd {
namespace {

class GzipSource final : public ByteSource {
 public:
  GzipSource(std::unique_ptr<ByteSource> source, const std::string& name)
      : input_(std::move(source), name) {}
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  // 15: the largest window; + 16: a gzip header is required.
  bool Init() { return inflateInit2(&stream_, 15 + 16) == Z_OK; }

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    while (true) {
      ASSIGN_OR_RETURN(const bool more, input_.Fill());
      if (!more && member_ended_) return 0;
      if (!more) return input_.Corrupt("the gzip data ends too early");
      if (member_ended_) inflateReset(&stream_);
      ASSIGN_OR_RETURN(const size_t got, Inflate(buffer));
      if (got > 0) return got;
    }
  }

 private:
  absl::StatusOr<size_t> Inflate(absl::Span<char> buffer) {
    const size_t available = input_.rest().size();
    stream_.next_in = reinterpret_cast<const Bytef*>(input_.rest().data());
    stream_.avail_in = static_cast<uInt>(available);
    stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream_.avail_out = static_cast<uInt>(buffer.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    input_.Consume(available - stream_.avail_in);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return input_.Corrupt(stream_.msg != nullptr ? stream_.msg : "the gzip data is corrupt");
    }
    member_ended_ = result == Z_STREAM_END;
    return buffer.size() - stream_.avail_out;
  }

  CompressedInput input_;
  z_stream stream_ = {};
  bool member_ended_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> MakeGzipSource(std::unique_ptr<ByteSource> source,
                                                           const std::string& name) {
  auto gzip = std::make_unique<GzipSource>(std::move(source), name);
  if (!gzip->Init()) return absl::ResourceExhaustedError(name + ": no memory to decompress");
  return gzip;
}

}  // namespace paramd
