#include <xxhash.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "worker/data/batch_builder.h"
#include "worker/data/criteo_parser.h"
#include "worker/data/feature_key.h"
#include "worker/data/text_parser.h"

namespace paramd {
namespace {

struct Parsed {
  std::string message;  // "ok", or what is wrong
  Batch batch;

  std::vector<uint64_t> Keys() const {
    std::vector<uint64_t> keys;
    for (const uint32_t column : batch.columns) keys.push_back(batch.unique_keys[column]);
    return keys;
  }
};

Parsed Parse(LineParser& parser, uint32_t fields, absl::string_view line) {
  Parsed parsed;
  BatchBuilder builder;
  builder.Begin({.sparse = true, .fields = fields}, &parsed.batch);
  const absl::Status status = parser.Parse(line, &builder);
  builder.Finish();
  CHECK(parsed.batch.rows() == (status.ok() ? 1 : 0));
  parsed.message = status.ok() ? "ok" : std::string(status.message());
  return parsed;
}

Parsed ParseCriteo(absl::string_view line) {
  CriteoParser parser;
  return Parse(parser, CriteoParser::kFields, line);
}

uint64_t Xxh3(const std::string& text, uint64_t seed = 0) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

// The columns behind the label, empty ones among them.
std::string CriteoLine(const std::string& label, std::vector<std::string> columns) {
  columns.resize(39);
  return label + "\t" + absl::StrJoin(columns, "\t");
}

TEST_CASE("keys of names and categories") {
  CHECK(NameKey("I1") == Xxh3("I1"));
  CHECK(CategoryKey(NameKey("C1"), "68fd1e64") == Xxh3("68fd1e64", Xxh3("C1")));
  CHECK(CategoryKey(NameKey("C1"), "a") != CategoryKey(NameKey("C2"), "a"));
}

TEST_CASE("Criteo: numbers and categories are features in fields") {
  std::vector<std::string> columns(39);
  columns[0] = "5";
  columns[1] = "-3";
  columns[12] = "0";
  columns[13] = "68fd1e64";
  columns[38] = "68fd1e64";
  const Parsed parsed = ParseCriteo(CriteoLine("1", columns));
  CHECK(parsed.message == "ok");
  CHECK(parsed.batch.labels == std::vector<float>{1});
  CHECK(parsed.batch.fields == std::vector<uint32_t>{0, 1, 12, 13, 38});
  const std::vector<float> values = parsed.batch.values;
  REQUIRE(values.size() == 5);
  CHECK(values[0] == Approx(std::log(6.0)));
  CHECK(values[1] == Approx(-std::log(4.0)));
  CHECK(values[2] == 0);
  CHECK(values[3] == 1);
  CHECK(values[4] == 1);
  CHECK(parsed.Keys() == std::vector<uint64_t>{Xxh3("I1"), Xxh3("I2"), Xxh3("I13"),
                                               Xxh3("68fd1e64", Xxh3("C1")),
                                               Xxh3("68fd1e64", Xxh3("C26"))});
}

TEST_CASE("Criteo: what is missing is no feature") {
  const Parsed parsed = ParseCriteo(CriteoLine("0", {}));
  CHECK(parsed.message == "ok");
  CHECK(parsed.batch.labels == std::vector<float>{0});
  CHECK(parsed.batch.values.empty());
}

TEST_CASE("Criteo: bad records say what is wrong") {
  CHECK(ParseCriteo("1").message == "1 column between tabs, expected 40");
  CHECK(ParseCriteo(CriteoLine("1", {}) + "\t").message == "41 columns between tabs, expected 40");
  CHECK(ParseCriteo(CriteoLine("", {})).message == "label \"\" is not a finite number");
  CHECK(ParseCriteo(CriteoLine("1", {"1", "2", "x"})).message ==
        "I3: \"x\" is not a finite number");
}

TEST_CASE("Criteo: a blank line is no record") {
  CHECK_FALSE(CriteoParser().IsRecord(""));
  CHECK_FALSE(CriteoParser().IsRecord("  "));
  CHECK(CriteoParser().IsRecord("\t"));
}

TEST_CASE("text: the words of a sentence in their order") {
  TextParser parser;
  const Parsed parsed = Parse(parser, 0, " the cat\tsaw  the \xc3\xa9tang ");
  CHECK(parsed.batch.labels == std::vector<float>{0});
  CHECK(parsed.batch.values == std::vector<float>(5, 1));
  CHECK(parsed.Keys() == std::vector<uint64_t>{Xxh3("the"), Xxh3("cat"), Xxh3("saw"), Xxh3("the"),
                                               Xxh3("\xc3\xa9tang")});
  CHECK(Parse(parser, 0, "a").Keys() == std::vector<uint64_t>{Xxh3("a")});
  CHECK_FALSE(parser.IsRecord(""));
  CHECK_FALSE(parser.IsRecord(" \t "));
}

TEST_CASE("text: a sentence is cut after 1000 words") {
  TextParser parser;
  std::string line;
  std::vector<uint64_t> keys;
  for (int i = 0; i < 1100; ++i) {
    absl::StrAppend(&line, i % 50, " ");
    if (i < 1000) keys.push_back(Xxh3(absl::StrCat(i % 50)));
  }
  CHECK(Parse(parser, 0, line).Keys() == keys);
}

}  // namespace
}  // namespace paramd
