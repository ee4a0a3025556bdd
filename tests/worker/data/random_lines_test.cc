// Lines of every length and mixture, read as the standard library reads their numbers. Each line is
// a string of its own, so that a sanitizer sees what is read behind its end.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "worker/data/batch_builder.h"
#include "worker/data/csv_layout.h"
#include "worker/data/csv_parser.h"
#include "worker/data/libsvm_parser.h"

namespace paramd {
namespace {

std::string RandomDigits(Random& random, uint64_t count) {
  std::string digits;
  while (count-- > 0) digits += static_cast<char>('0' + random.NextBelow(10));
  return digits;
}

std::string RandomNumber(Random& random) {
  switch (random.NextBelow(6)) {
    case 0:
      return "1";
    case 1:
      return RandomDigits(random, 1);
    case 2:
      return RandomDigits(random, 1 + random.NextBelow(12));
    case 3:
      return "-" + RandomDigits(random, 1) + "." + RandomDigits(random, 1 + random.NextBelow(20));
    case 4:
      return "+" + RandomDigits(random, 2) + "e-" + RandomDigits(random, 1);
    default:
      return "0." + RandomDigits(random, 1 + random.NextBelow(8));
  }
}

float Nearest(const std::string& number) { return std::strtof(number.c_str(), nullptr); }

TEST_CASE("LIBSVM lines of random numbers") {
  Random random(1);
  LibsvmParser parser;
  BatchBuilder builder;
  Batch batch;
  for (int line_number = 0; line_number < 20000; ++line_number) {
    const std::string label = RandomNumber(random);
    std::string line = random.NextBelow(8) == 0 ? " " + label : label;
    std::vector<uint64_t> keys;
    std::vector<float> values;
    for (uint64_t left = random.NextBelow(8); left > 0; --left) {
      const std::string key = RandomDigits(random, 1 + random.NextBelow(18));
      const uint64_t index = std::strtoull(key.c_str(), nullptr, 10);
      if (std::find(keys.begin(), keys.end(), index) != keys.end()) continue;
      const std::string value = RandomNumber(random);
      absl::StrAppend(&line, random.NextBelow(8) == 0 ? " \t" : " ", key, ":", value);
      keys.push_back(index);
      values.push_back(Nearest(value));
    }
    if (random.NextBelow(8) == 0) line += random.NextBelow(2) == 0 ? "# 3:4" : " ";
    INFO(line);
    builder.Begin({.sparse = true}, &batch);
    REQUIRE(parser.Parse(line, &builder).ok());
    builder.Finish();
    REQUIRE(batch.labels == std::vector<float>{Nearest(label)});
    REQUIRE(batch.values == values);
    for (size_t i = 0; i < keys.size(); ++i) {
      REQUIRE(batch.unique_keys[batch.columns[i]] == keys[i]);
    }
  }
}

TEST_CASE("CSV lines of random numbers") {
  Random random(2);
  Batch batch;
  BatchBuilder builder;
  for (int line_number = 0; line_number < 20000; ++line_number) {
    const int64_t fields = 1 + static_cast<int64_t>(random.NextBelow(25));
    const CsvLayout layout = {.delimiter = random.NextBelow(2) == 0 ? ',' : ';',
                              .fields = fields,
                              .label = static_cast<int64_t>(random.NextBelow(fields))};
    // Some lines are mostly digits, as images are.
    const bool digits = random.NextBelow(2) == 0;
    std::string line;
    std::vector<float> values;
    for (int64_t i = 0; i < fields; ++i) {
      const bool digit = digits && random.NextBelow(10) != 0;
      const std::string number = digit ? RandomDigits(random, 1) : RandomNumber(random);
      values.push_back(Nearest(number));
      if (i > 0) line += layout.delimiter;
      const uint64_t dress = random.NextBelow(20);
      line += dress == 0 ? " " + number : dress == 1 ? "\"" + number + "\" " : number;
    }
    INFO(line);
    CsvParser parser(layout);
    builder.Begin({.sparse = false, .columns = fields - 1}, &batch);
    REQUIRE(parser.Parse(line, &builder).ok());
    // One field less, one more, and one that is no number: no row is added.
    CHECK_FALSE(parser.Parse(line + layout.delimiter, &builder).ok());
    CHECK_FALSE(parser.Parse(line + "x", &builder).ok());
    if (fields > 1) {
      CHECK_FALSE(parser.Parse(line.substr(0, line.rfind(layout.delimiter)), &builder).ok());
    }
    builder.Finish();
    REQUIRE(batch.labels == std::vector<float>{values[layout.label]});
    values.erase(values.begin() + layout.label);
    REQUIRE(batch.values == values);
  }
}

TEST_CASE("a row that is not finished is forgotten, and rows may be of any size") {
  BatchBuilder builder;
  Batch batch;
  for (const size_t size : {0, 3, 5000, 20000}) {
    builder.Begin({.sparse = true}, &batch);
    std::fill_n(builder.StartRow(10).keys, 10, 99);
    for (const size_t features : {size, size_t{2}}) {
      const BatchBuilder::Row row = builder.StartRow(features);
      for (size_t i = 0; i < features; ++i) row.keys[i] = i, row.values[i] = 0.5f;
      builder.FinishRow(1, features);
    }
    builder.Finish();
    CHECK(batch.rows() == 2);
    CHECK(batch.row_offsets.back() == size + 2);
    CHECK(batch.values == std::vector<float>(size + 2, 0.5f));
    CHECK(batch.unique_keys.size() == std::max<size_t>(size, 2));
  }
}

}  // namespace
}  // namespace paramd
