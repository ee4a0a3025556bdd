// Bytes cut into lines, as they are and decompressed. The first two bytes choose how.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "tests/worker/data/string_source.h"
#include "worker/data/gzip_source.h"
#include "worker/data/line_splitter.h"
#include "worker/data/zstd_source.h"

namespace {

using paramd::ByteSource;

absl::StatusOr<std::unique_ptr<ByteSource>> Source(int kind, std::string content, size_t step) {
  std::unique_ptr<ByteSource> source =
      std::make_unique<paramd::StringSource>(std::move(content), step);
  if (kind == 1) return paramd::MakeGzipSource(std::move(source), "file");
  if (kind == 2) return paramd::MakeZstdSource(std::move(source), "file");
  return source;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const int kind = data[0] % 3;
  const std::string content(reinterpret_cast<const char*>(data) + 2, size - 2);
  auto source = Source(kind, content, 1 + data[1]);
  if (!source.ok()) std::abort();
  constexpr size_t kMaxLine = 100;
  paramd::LineSplitter lines(*std::move(source),
                             {.block_bytes = 1 + data[1] / 4u, .max_line_bytes = kMaxLine});
  uint64_t count = 0;
  while (true) {
    const absl::StatusOr<bool> more = lines.Next();
    if (!more.ok() && kind == 0) std::abort();
    if (!more.ok() || !*more) break;
    if (lines.number() != ++count || lines.line().size() > kMaxLine) std::abort();
    if (lines.line().find('\n') != absl::string_view::npos) std::abort();
    if (count > 1'000'000) break;  // a few bytes of compressed data may hold a lot of lines
  }
  if (kind != 0) return 0;
  const uint64_t ends = std::count(content.begin(), content.end(), '\n');
  if (count != ends + (!content.empty() && content.back() != '\n')) std::abort();
  return 0;
}
