#include "tests/bench/reader_bench_data.h"

#include <zlib.h>
#include <zstd.h>

#include <charconv>

#include "common/base/random.h"
#include "deploy/paramctl/click_log.h"

namespace paramd {
namespace {

template <typename... Format>
void Append(std::string* text, Format... number) {
  char digits[32];
  text->append(digits, std::to_chars(digits, digits + sizeof(digits), number...).ptr);
}

ClickLog::Row& FillRow(const ClickLog& log, uint64_t index, ClickLog::Row* row) {
  log.Fill(0, index, row);
  return *row;
}

}  // namespace

std::string OneHotText(uint64_t rows) {
  const ClickLog log({.cardinality = 500000});
  ClickLog::Row row;
  std::string text;
  for (uint64_t i = 0; i < rows; ++i) {
    text += FillRow(log, i, &row).click ? '1' : '0';
    for (const uint64_t key : row.keys) {
      text += ' ';
      Append(&text, key);
      text += ":1";
    }
    text += '\n';
  }
  return text;
}

std::string RealValuedText(uint64_t rows) {
  const ClickLog log({.cardinality = 500000});
  Random random(7);
  ClickLog::Row row;
  std::string text;
  for (uint64_t i = 0; i < rows; ++i) {
    Append(&text, 20 * random.NextUnit() - 10, std::chars_format::fixed, 3);
    for (const uint64_t key : FillRow(log, i, &row).keys) {
      text += ' ';
      Append(&text, key);
      text += ':';
      const int digits = 5 + static_cast<int>(random.NextBelow(4));
      Append(&text, 4 * random.NextUnit() - 2, std::chars_format::fixed, digits);
    }
    text += '\n';
  }
  return text;
}

std::string ImageText(uint64_t rows) {
  Random random(8);
  std::string text;
  for (uint64_t i = 0; i < rows; ++i) {
    Append(&text, random.NextBelow(10));
    for (uint64_t left = 784; left > 0;) {
      const bool ink = random.NextBelow(2) == 0;
      for (uint64_t run = 1 + random.NextBelow(ink ? 9 : 39); run > 0 && left > 0; --run, --left) {
        text += ',';
        Append(&text, ink ? random.NextBelow(256) : 0);
      }
    }
    text += '\n';
  }
  return text;
}

std::string Gzip(const std::string& text) {
  z_stream stream = {};
  deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string compressed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  deflate(&stream, Z_FINISH);
  compressed.resize(stream.total_out);
  deflateEnd(&stream);
  return compressed;
}

std::string Zstd(const std::string& text) {
  std::string compressed(ZSTD_compressBound(text.size()), '\0');
  compressed.resize(
      ZSTD_compress(compressed.data(), compressed.size(), text.data(), text.size(), 1));
  return compressed;
}

}  // namespace paramd
