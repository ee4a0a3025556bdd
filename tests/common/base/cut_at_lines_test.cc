#include "common/base/cut_at_lines.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

TEST_CASE("equal cuts") {
  CHECK(EqualCuts(100, 4) == std::vector<uint64_t>{25, 50, 75});
  CHECK(EqualCuts(100, 1).empty());
  CHECK(EqualCuts(2, 5) == std::vector<uint64_t>{1});
  CHECK(EqualCuts(0, 5).empty());
}

TEST_CASE("cuts are moved to the next line start") {
  TempDir dir;
  const std::string file = dir.Write("a", "123\n567\n9abcdefgh\nj");
  CHECK(*CutAtLines(file, 19, 1) == std::vector<uint64_t>{0, 19});
  CHECK(*CutAtLines(file, 19, 2) == std::vector<uint64_t>{0, 18, 19});
  CHECK(*CutAtLines(file, 19, 4) == std::vector<uint64_t>{0, 4, 18, 18, 19});
  CHECK(*CutAtLines(dir.Write("b", "no end"), 6, 3) == std::vector<uint64_t>{0, 6, 6, 6});
  CHECK_FALSE(CutAtLines(dir.File("none"), 19, 2).ok());
}

}  // namespace
}  // namespace paramd
