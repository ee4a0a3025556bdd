#include "common/config/value.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "common/config/duration.h"

namespace paramd {
namespace {

TEST_CASE("numbers are plain decimals") {
  CHECK(*ParseNumber("1e-8") == 1e-8);
  CHECK(*ParseNumber("-2.50E+3") == -2500);
  for (const char* bad : {"", "+", ".5", "1.", "1e", "0x10", "nan", "inf", "1_000", " 1", "1,5"})
    CHECK_FALSE(ParseNumber(bad).ok());
}

TEST_CASE("numbers are spelled so that they come back the same") {
  for (const double value : {0.0, 0.1, 1.0 / 3, 1e-300, 5e-324, 1.7976931348623157e308, -2.0})
    CHECK(*ParseNumber(SpellNumber(value)) == value);
}

TEST_CASE("sizes") {
  CHECK(*ParseBytes("64MiB") == 64 << 20);
  CHECK(*ParseBytes("0B") == 0);
  for (const char* bad : {"", "64", "MiB", "1.5MiB", "64 MiB", "64mib", "-1B", "17179869184GiB"})
    CHECK_FALSE(ParseBytes(bad).ok());
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 40, uint64_t{65537}})
    CHECK(*ParseBytes(SpellBytes(bytes)) == bytes);
}

TEST_CASE("times") {
  CHECK(*ParseDuration("500ms") == absl::Milliseconds(500));
  CHECK(*ParseDuration("2m") == absl::Minutes(2));
  CHECK(*ParseDuration("1h") == absl::Hours(1));
  for (const char* bad : {"", "5", "ms", "-1s", "1h30m", "1 s", "9999999999999999999h", "inf"})
    CHECK_FALSE(ParseDuration(bad).ok());
  for (const int64_t ms : {0, 1, 999, 1000, 61000, 120000, 3600000, 5400000})
    CHECK(*ParseDuration(SpellDuration(absl::Milliseconds(ms))) == absl::Milliseconds(ms));
}

TEST_CASE("protobuf durations") {
  const absl::Duration duration = absl::Milliseconds(1500);
  CHECK(FromDuration(duration).seconds() == 1);
  CHECK(FromDuration(duration).nanos() == 500'000'000);
  CHECK(ToDuration(FromDuration(duration)) == duration);
}

TEST_CASE("worker counts") {
  CHECK(ParseWorkerCount("3")->max() == 3);
  CHECK(ParseWorkerCount("2:16")->min() == 2);
  for (const char* bad : {"", ":", "2:", ":2", "3:2", "1:2:3", "4294967296"})
    CHECK_FALSE(ParseWorkerCount(bad).ok());
}

TEST_CASE("addresses") {
  for (const char* good : {"127.0.0.1:7070", "localhost:0", "db-1.example.org:65535", "[::1]:80"})
    CHECK(IsHostPort(good));
  for (const char* bad :
       {"", ":80", "host", "host:", "host:65536", "::1:80", "[::1:80", "a b:1", "host:-1", "[]:1"})
    CHECK_FALSE(IsHostPort(bad));
}

TEST_CASE("text is quoted where YAML would take it for something else") {
  CHECK(SpellString("/a/b.txt") == "/a/b.txt");
  CHECK(SpellString("null") == "\"null\"");
  CHECK(SpellString("") == "\"\"");
  CHECK(SpellString("a: \"b\"\n") == "\"a: \\\"b\\\"\\x0a\"");
}

}  // namespace
}  // namespace paramd
