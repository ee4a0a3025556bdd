#include "worker/data/line_splitter.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/worker/data/string_source.h"

namespace paramd {
namespace {

using Lines = std::vector<std::string>;

// Too long lines come out as "<too long>".
Lines Split(const std::string& text, size_t step = 1 << 20,
            LineSplitter::Options options = LineSplitter::Options()) {
  LineSplitter splitter(std::make_unique<StringSource>(text, step), options);
  Lines lines;
  uint64_t consumed = 0;
  while (*splitter.Next()) {
    lines.push_back(splitter.too_long() ? "<too long>" : std::string(splitter.line()));
    CHECK(splitter.number() == lines.size());
    CHECK(splitter.consumed() > consumed);
    consumed = splitter.consumed();
  }
  CHECK(consumed == text.size());
  CHECK_FALSE(*splitter.Next());
  return lines;
}

TEST_CASE("line ends") {
  CHECK(Split("") == Lines{});
  CHECK(Split("a") == Lines{"a"});
  CHECK(Split("a\nb\n") == Lines{"a", "b"});
  CHECK(Split("a\r\n\r\nb") == Lines{"a", "", "b"});
  CHECK(Split("\n\n") == Lines{"", ""});
  CHECK(Split("a\rb\n") == Lines{"a\rb"});
}

TEST_CASE("a byte order mark is left out at the beginning only") {
  CHECK(Split("\xef\xbb\xbf"
              "a\n\xef\xbb\xbf"
              "b") == Lines{"a",
                            "\xef\xbb\xbf"
                            "b"});
}

TEST_CASE("blocks and lines of every relation of sizes give the same lines") {
  Lines expected;
  std::string text;
  for (int i = 0; i < 200; ++i) {
    expected.push_back(std::string(i % 37, static_cast<char>('a' + i % 26)));
    text += expected.back() + (i % 3 == 0 ? "\r\n" : "\n");
  }
  for (const size_t block : {1, 4, 16, 64, 1000})
    for (const size_t step : {1, 3, 50, 5000})
      CHECK(Split(text, step, {.block_bytes = block, .max_line_bytes = 100}) == expected);
}

TEST_CASE("a line that is too long is dropped and the next one is found") {
  for (const size_t block : {1, 4, 16, 64, 1000}) {
    for (const size_t step : {1, 7, 5000}) {
      const LineSplitter::Options options = {.block_bytes = block, .max_line_bytes = 10};
      CHECK(Split("0123456789\n" + std::string(500, 'x') + "\nshort\n01234567890\nb\n", step,
                  options) == Lines{"0123456789", "<too long>", "short", "<too long>", "b"});
      CHECK(Split("0123456789\r\n0123456789", step, options) == Lines{"0123456789", "0123456789"});
      CHECK(Split("a\n" + std::string(500, 'x'), step, options) == Lines{"a", "<too long>"});
      CHECK(Split(std::string(500, 'x') + "\n", step, options) == Lines{"<too long>"});
    }
  }
}

}  // namespace
}  // namespace paramd
