#include "deploy/paramctl/text_table.h"

#include <catch2/catch.hpp>
#include <cmath>

namespace paramd {
namespace {

TEST_CASE("columns are aligned, numbers to the right") {
  CHECK(FormatTable({{"NAME", "ROWS", "NOTE"},
                     {"a", "5", ""},
                     {"b\xc3\xa9"
                      "b",
                      "12345", "x"}}) ==
        "NAME   ROWS  NOTE\n"
        "a         5\n"
        "b\xc3\xa9"
        "b   12345  x\n");
  CHECK(FormatTable({}) == "");
}

TEST_CASE("figures for people") {
  CHECK(HumanBytes(0) == "0 B");
  CHECK(HumanBytes(1536) == "1.5 KiB");
  CHECK(HumanBytes(12.0 * (1 << 20)) == "12.0 MiB");
  CHECK(HumanCount(740) == "740");
  CHECK(HumanCount(12345) == "12.3k");
  CHECK(HumanCount(4560000) == "4.56M");
  CHECK(HumanCount(NAN) == "-");
  CHECK(HumanSeconds(0.44) == "0.4 s");
  CHECK(HumanSeconds(12.3) == "12 s");
  CHECK(HumanSeconds(200) == "3 m 20 s");
  CHECK(HumanSeconds(7500) == "2 h 5 m");
  CHECK(HumanSeconds(INFINITY) == "-");
  CHECK(HumanNumber(0.12345, 4) == "0.1235");
  CHECK(HumanNumber(NAN, 4) == "-");
}

}  // namespace
}  // namespace paramd
