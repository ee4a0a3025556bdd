#include <catch2/catch.hpp>
#include <string>

#include "worker/data/csv_layout.h"
#include "worker/data/csv_parser.h"
#include "worker/data/libffm_parser.h"
#include "worker/data/libsvm_parser.h"

namespace paramd {
namespace {

// Parses one line; "ok", "no record" or the message.
std::string Parse(LineParser& parser, absl::string_view line, Batch* batch,
                  const DatasetShape& shape) {
  BatchBuilder builder;
  builder.Begin(shape, batch);
  if (!parser.IsRecord(line)) return "no record";
  const absl::Status parsed = parser.Parse(line, &builder);
  builder.Finish();
  CHECK(batch->rows() == (parsed.ok() ? 1 : 0));
  if (parsed.ok()) return "ok";
  CHECK(parsed.code() == absl::StatusCode::kInvalidArgument);
  CHECK(batch->values.empty());
  CHECK(batch->unique_keys.empty());
  CHECK(batch->fields.empty());
  return std::string(parsed.message());
}

std::string ParseLibsvm(absl::string_view line, Batch* batch) {
  LibsvmParser parser;
  return Parse(parser, line, batch, {.sparse = true});
}

std::string ParseLibsvm(absl::string_view line) {
  Batch batch;
  return ParseLibsvm(line, &batch);
}

TEST_CASE("LIBSVM records") {
  Batch batch;
  CHECK(ParseLibsvm("-1 3:0.5 \t 11:2 \t# a comment 4:4", &batch) == "ok");
  CHECK(batch.labels == std::vector<float>{-1});
  CHECK(batch.unique_keys == std::vector<uint64_t>{3, 11});
  CHECK(batch.columns == std::vector<uint32_t>{0, 1});
  CHECK(batch.values == std::vector<float>{0.5f, 2});
  CHECK(batch.row_offsets == std::vector<uint32_t>{0, 2});

  CHECK(ParseLibsvm("+1 9223372036854775808:1 0:-2.5e-1", &batch) == "ok");
  CHECK(batch.unique_keys == std::vector<uint64_t>{0, uint64_t{1} << 63});
  CHECK(batch.columns == std::vector<uint32_t>{1, 0});
  CHECK(batch.values == std::vector<float>{1, -0.25f});

  CHECK(ParseLibsvm("0", &batch) == "ok");
  CHECK(batch.values.empty());
}

TEST_CASE("LIBSVM lines without a record") {
  CHECK(ParseLibsvm("") == "no record");
  CHECK(ParseLibsvm(" \t ") == "no record");
  CHECK(ParseLibsvm("# 1 2:3") == "no record");
}

TEST_CASE("LIBSVM: bad records say what is wrong") {
  CHECK(ParseLibsvm("x 1:1") == "label \"x\" is not a finite number");
  CHECK(ParseLibsvm("nan 1:1") == "label \"nan\" is not a finite number");
  CHECK(ParseLibsvm("1:1 2:1") == "the label is missing before \"1:1\"");
  CHECK(ParseLibsvm("1 2") == "\"2\" is not index:value");
  CHECK(ParseLibsvm("1 a:1") == "index \"a\" is not a whole number from 0 to 2^63");
  CHECK(ParseLibsvm("1 -1:1") == "index \"-1\" is not a whole number from 0 to 2^63");
  CHECK(ParseLibsvm("1 9223372036854775809:1") ==
        "index \"9223372036854775809\" is not a whole number from 0 to 2^63");
  CHECK(ParseLibsvm("1 4:") == "value \"\" of index 4 is not a finite number");
  CHECK(ParseLibsvm("1 4:inf") == "value \"inf\" of index 4 is not a finite number");
  CHECK(ParseLibsvm("1 4:1:2") == "value \"1:2\" of index 4 is not a finite number");
  CHECK(ParseLibsvm("1 4:1 4:1") == "index 4 comes twice");
  CHECK(ParseLibsvm("1 4:1 2:1 4:2") == "index 4 comes twice");
  CHECK(ParseLibsvm("1 qid:3 4:1") ==
        "\"qid:\" is not supported: there is no model that ranks within groups");
  CHECK(ParseLibsvm("1 \xff\x01:1") == "index \"\\xff\\x01\" is not a whole number from 0 to 2^63");
  CHECK(ParseLibsvm(absl::string_view("1\0 2:2", 6)) == "label \"1\\x00\" is not a finite number");
  CHECK(ParseLibsvm(std::string(60, 'y')) ==
        "label \"" + std::string(40, 'y') + "...\" is not a finite number");
}

std::string ParseLibffm(absl::string_view line, Batch* batch) {
  LibffmParser parser(40);
  return Parse(parser, line, batch, {.sparse = true, .fields = 40});
}

std::string ParseLibffm(absl::string_view line) {
  Batch batch;
  return ParseLibffm(line, &batch);
}

TEST_CASE("LIBFFM records") {
  Batch batch;
  CHECK(ParseLibffm("1 3:7:0.5 \t 0:2:1 39:123456789012:-2e1# 1:1:1", &batch) == "ok");
  CHECK(batch.labels == std::vector<float>{1});
  CHECK(batch.unique_keys == std::vector<uint64_t>{2, 7, 123456789012});
  CHECK(batch.columns == std::vector<uint32_t>{1, 0, 2});
  CHECK(batch.values == std::vector<float>{0.5f, 1, -20});
  CHECK(batch.fields == std::vector<uint32_t>{3, 0, 39});
  CHECK(batch.row_offsets == std::vector<uint32_t>{0, 3});
  // A feature in two fields, and twice in one.
  CHECK(ParseLibffm("0 3:7:1 4:7:2 4:7:3", &batch) == "ok");
  CHECK(batch.unique_keys == std::vector<uint64_t>{7});
  CHECK(batch.columns == std::vector<uint32_t>{0, 0, 0});
  CHECK(batch.fields == std::vector<uint32_t>{3, 4, 4});
  CHECK(ParseLibffm("-1", &batch) == "ok");
  CHECK(batch.fields.empty());
  CHECK(ParseLibffm(" \r") == "no record");
  CHECK(ParseLibffm("# 1 2:3:4") == "no record");
}

TEST_CASE("LIBFFM: bad records say what is wrong") {
  CHECK(ParseLibffm("1 2") == "\"2\" is not field:index:value");
  CHECK(ParseLibffm("1 2:3") == "\"2:3\" is not field:index:value");
  CHECK(ParseLibffm("1:2:3 1:2:3") == "the label is missing before \"1:2:3\"");
  CHECK(ParseLibffm("1 40:1:1") == "field 40 is not below data.libffm.fields = 40");
  CHECK(ParseLibffm("1 18446744073709551617:1:1") ==
        "field \"18446744073709551617\" is not a whole number");
  CHECK(ParseLibffm("1 x:1:1") == "field \"x\" is not a whole number");
  CHECK(ParseLibffm("1 0:1:1 1:-1:1") == "index \"-1\" is not a whole number from 0 to 2^63");
  CHECK(ParseLibffm("1 1:4:") == "value \"\" of index 4 is not a finite number");
  CHECK(ParseLibffm("1 1:4:1:2") == "value \"1:2\" of index 4 is not a finite number");
}

v1::Csv Csv(const std::string& label, bool header = false, const std::string& delimiter = ",") {
  v1::Csv csv;
  csv.set_label(label);
  csv.set_header(header);
  csv.set_delimiter(delimiter);
  return csv;
}

std::string ParseCsv(const CsvLayout& layout, absl::string_view line, Batch* batch) {
  CsvParser parser(layout);
  return Parse(parser, line, batch, {.sparse = false, .columns = layout.fields - 1});
}

TEST_CASE("CSV records") {
  Batch batch;
  const CsvLayout layout = *MakeCsvLayout(Csv("1"), "f", 4);
  CHECK(ParseCsv(layout, "1, -2.5 ,\"3\",+4", &batch) == "ok");
  CHECK(batch.labels == std::vector<float>{-2.5f});
  CHECK(batch.values == std::vector<float>{1, 3, 4});
  CHECK(batch.dense_cols == 3);
  CHECK(batch.row_offsets.empty());
  CHECK(batch.columns.empty());
  CHECK_FALSE(batch.sparse);
  CHECK(ParseCsv(layout, "", &batch) == "no record");
  CHECK(ParseCsv(layout, "  ", &batch) == "no record");

  CHECK(ParseCsv(*MakeCsvLayout(Csv("2", false, "\t"), "f", 3), "1\t2\t3", &batch) == "ok");
  CHECK(batch.labels == std::vector<float>{3});
  CHECK(ParseCsv(*MakeCsvLayout(Csv("0"), "f", 1), "7", &batch) == "ok");
  CHECK(batch.dense_cols == 0);
}

TEST_CASE("CSV: bad records say what is wrong") {
  Batch batch;
  const CsvLayout layout = *MakeCsvLayout(Csv("0"), "f", 3);
  CHECK(ParseCsv(layout, "1,2", &batch) == "2 columns, expected 3");
  CHECK(ParseCsv(layout, "1", &batch) == "1 column, expected 3");
  CHECK(ParseCsv(layout, "1,2,3,4", &batch) == "4 columns, expected 3");
  CHECK(ParseCsv(layout, "1,2,", &batch) == "column 2 is empty");
  CHECK(ParseCsv(layout, ",2,3", &batch) == "column 0 is empty");
  CHECK(ParseCsv(layout, "1,?,3", &batch) == "column 1: \"?\" is not a finite number");
  CHECK(ParseCsv(layout, "1,2,NaN", &batch) == "column 2: \"NaN\" is not a finite number");
  const CsvLayout named = *ReadCsvHeader(Csv("y", true), "f", "a,y");
  CHECK(ParseCsv(named, "x,1", &batch) == "column 0 (\"a\"): \"x\" is not a finite number");
}

TEST_CASE("CSV headers") {
  const CsvLayout layout =
      *ReadCsvHeader(Csv("click", true), "f", "age, \"in,come\" ,click,\"a\"\"b\"");
  CHECK(layout.fields == 4);
  CHECK(layout.label == 2);
  CHECK(layout.names == std::vector<std::string>{"age", "in,come", "click", "a\"b"});
  CHECK(CsvFeatureNames(layout) == std::vector<std::string>{"age", "in,come", "a\"b"});
  CHECK(ReadCsvHeader(Csv("1", true), "f", "a,b,c")->label == 1);  // by index
  CHECK(ReadCsvHeader(Csv("1", true), "f", "1,b,c")->label == 0);  // the name goes first
}

TEST_CASE("CSV: a label column that is not there") {
  const absl::Status named = ReadCsvHeader(Csv("target", true), "d.csv", "a,b").status();
  CHECK(named.code() == absl::StatusCode::kInvalidArgument);
  CHECK(named.message() ==
        "d.csv: there is no label column \"target\"; the columns are \"a\", \"b\"");
  CHECK(MakeCsvLayout(Csv("3"), "d.csv", 3).status().message() ==
        "d.csv: there is no label column \"3\"; the columns are 0 to 2 (no header)");
  CHECK(MakeCsvLayout(Csv("-1"), "d.csv", 1).status().message() ==
        "d.csv: there is no label column \"-1\"; the only column is 0 (no header)");
}

TEST_CASE("CSV: two columns of the same name") {
  CHECK(ReadCsvHeader(Csv("a", true), "d.csv", "a,b,a").status().message() ==
        "d.csv:1: two columns are named \"a\"");
}

TEST_CASE("CSV: a delimiter that numbers are written with") {
  for (const char* delimiter : {".", "-", "+", "e", "5", "\"", ",,"}) {
    CHECK(CsvDelimiter(Csv("0", false, delimiter)).status().code() ==
          absl::StatusCode::kInvalidArgument);
  }
  CHECK(*CsvDelimiter(Csv("0", false, ";")) == ';');
  CHECK(*CsvDelimiter(v1::Csv()) == ',');
}

}  // namespace
}  // namespace paramd
