#include "worker/data/open_source.h"

#include <zlib.h>
#include <zstd.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

std::string Gzip(const std::string& text) {
  z_stream stream = {};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = text.size();
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = out.size();
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

absl::StatusOr<std::string> ReadAll(const std::string& path, uint64_t begin = 0, uint64_t end = 0,
                                    size_t step = 1000) {
  absl::StatusOr<std::unique_ptr<ByteSource>> source = OpenSource(path, begin, end);
  if (!source.ok()) return source.status();
  std::string text;
  std::vector<char> buffer(step);
  while (true) {
    const absl::StatusOr<size_t> got = (*source)->Read(absl::MakeSpan(buffer));
    if (!got.ok()) return got.status();
    if (*got == 0) return text;
    text.append(buffer.data(), *got);
  }
}

// Compresses to a few hundred kilobytes, more than one block of input.
std::string LongText() {
  std::string text;
  uint32_t state = 1;
  for (int i = 0; i < 400000; ++i) {
    state = state * 1664525 + 1013904223;
    text += static_cast<char>('!' + (state >> 24) % 90);
  }
  return text + std::string(1000000, 'z');
}

void CheckDataLoss(const absl::Status& status, const std::string& path, const std::string& where) {
  INFO(status.ToString());
  CHECK(status.code() == absl::StatusCode::kDataLoss);
  CHECK(std::string(status.message()).find(path + ": byte " + where) == 0);
}

TEST_CASE("a plain file, whole and in part") {
  TempDir dir;
  const std::string path = dir.Write("a.txt", "0123456789");
  CHECK(*ReadAll(path) == "0123456789");
  CHECK(*ReadAll(path, 3, 7, 2) == "3456");
  CHECK(*ReadAll(path, 8) == "89");
  CHECK(*ReadAll(path, 4, 4) == "");
  CHECK(*ReadAll(dir.Write("empty", "")) == "");
}

TEST_CASE("a file that was cut short after it was divided") {
  TempDir dir;
  const std::string path = dir.Write("a.txt", "0123456789");
  CHECK(ReadAll(path, 5, 11).status().code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("a file that is not there, and a folder") {
  TempDir dir;
  CHECK(OpenSource(dir.File("none.gz")).status().code() == absl::StatusCode::kNotFound);
  CHECK_FALSE(OpenSource(dir.path()).ok());
}

TEST_CASE("gzip: one member, several, and empty ones") {
  TempDir dir;
  const std::string text = LongText();
  CHECK(*ReadAll(dir.Write("a.gz", Gzip(text))) == text);
  CHECK(*ReadAll(dir.Write("a.gz", Gzip("one,") + Gzip("") + Gzip("two") + Gzip(""))) == "one,two");
  CHECK(*ReadAll(dir.Write("a.gz", Gzip("")), 0, 0, 1) == "");
}

TEST_CASE("zstd: one frame, several, and empty ones") {
  TempDir dir;
  const std::string text = LongText();
  CHECK(*ReadAll(dir.Write("a.zst", Zstd(text))) == text);
  CHECK(*ReadAll(dir.Write("a.zst", Zstd("one,") + Zstd("") + Zstd("two") + Zstd(""))) ==
        "one,two");
  CHECK(*ReadAll(dir.Write("a.zst", Zstd("")), 0, 0, 1) == "");
}

TEST_CASE("compressed data that is cut short anywhere is DATA_LOSS") {
  TempDir dir;
  const std::string gzip = Gzip("some text that is compressed");
  const std::string zstd = Zstd("some text that is compressed");
  for (size_t size = 0; size < gzip.size(); ++size) {
    const std::string path = dir.Write("a.gz", gzip.substr(0, size));
    CheckDataLoss(ReadAll(path, 0, 0, 7).status(), path, std::to_string(size));
  }
  for (size_t size = 0; size < zstd.size(); ++size) {
    const std::string path = dir.Write("a.zst", zstd.substr(0, size));
    CheckDataLoss(ReadAll(path, 0, 0, 7).status(), path, std::to_string(size));
  }
}

TEST_CASE("long compressed data that is cut short is DATA_LOSS") {
  TempDir dir;
  const std::string gzip = Gzip(LongText());
  const std::string path = dir.Write("a.gz", gzip.substr(0, gzip.size() - 1));
  CheckDataLoss(ReadAll(path).status(), path, std::to_string(gzip.size() - 1));
}

TEST_CASE("corrupt compressed data is DATA_LOSS") {
  TempDir dir;
  std::string gzip = Gzip(LongText());
  gzip[gzip.size() - 6] ^= 1;  // in the checksum
  std::string path = dir.Write("a.gz", gzip);
  CheckDataLoss(ReadAll(path).status(), path, "");
  path = dir.Write("b.gz", "this is not gzip");
  CheckDataLoss(ReadAll(path).status(), path, "");
  path = dir.Write("c.gz", Gzip("good") + "garbage");
  CheckDataLoss(ReadAll(path).status(), path, "");
  path = dir.Write("a.zst", "this is not zstd");
  CheckDataLoss(ReadAll(path).status(), path, "");
}

TEST_CASE("a part of a compressed file is refused") {
  CHECK(OpenSource("a.gz", 0, 10).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(OpenSource("a.zst", 10, 0).status().code() == absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace paramd
