// CSV with declared columns, missing numbers and labels by name, through BatchReader.
#include <xxhash.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/testing/temp_dir.h"
#include "worker/data/batch_reader.h"
#include "worker/data/read_dataset_shape.h"

namespace paramd {
namespace {

using Strings = std::vector<std::string>;

v1::Data Csv(const std::string& file, bool header) {
  v1::Data data;
  data.set_format(v1::Data::CSV);
  data.add_train(file);
  data.mutable_csv()->set_header(header);
  data.mutable_csv()->set_label(header ? "y" : "0");
  return data;
}

void Declare(v1::Data& data, const std::string& name, v1::CsvColumn::Kind kind) {
  v1::CsvColumn* const column = data.mutable_csv()->add_columns();
  column->set_name(name);
  column->set_kind(kind);
}

struct Read {
  DatasetShape shape;
  Batch batch;
  ReadStats stats;

  std::vector<uint64_t> Keys() const {
    std::vector<uint64_t> keys;
    for (const uint32_t column : batch.columns) keys.push_back(batch.unique_keys[column]);
    return keys;
  }
};

absl::StatusOr<Read> ReadFirst(const v1::Data& data) {
  Read read;
  absl::StatusOr<DatasetShape> shape = ReadDatasetShape(data);
  if (!shape.ok()) return shape.status();
  read.shape = *shape;
  v1::Partition whole;
  whole.set_file(data.train(0));
  auto reader = BatchReader::Open(data, read.shape, {whole});
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<bool> more = (*reader)->Next(100, &read.batch);
  if (!more.ok()) return more.status();
  read.stats = (*reader)->stats();
  return read;
}

uint64_t Xxh3(const std::string& text, uint64_t seed = 0) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

TEST_CASE("a categorical column makes the batch sparse, and every feature column a field") {
  TempDir dir;
  v1::Data data = Csv(dir.Write("a.csv",
                                "age,city,y,note,w,job\n"
                                "30,Rome,1,x,0.5,cook\r\n"
                                "\n"
                                "-2.5, \"Rome, \"\"GA\"\"\" ,0,,2,\n"),
                      true);
  Declare(data, "city", v1::CsvColumn::CATEGORICAL);
  Declare(data, "job", v1::CsvColumn::CATEGORICAL);
  Declare(data, "w", v1::CsvColumn::WEIGHT);
  Declare(data, "note", v1::CsvColumn::IGNORED);
  const Read read = *ReadFirst(data);
  CHECK(read.shape.sparse);
  CHECK(read.shape.fields == 3);
  CHECK(read.shape.feature_names == Strings{"age", "city", "job"});
  CHECK(read.batch.sparse);
  CHECK(read.batch.labels == std::vector<float>{1, 0});
  CHECK(read.batch.weights == std::vector<float>{0.5f, 2});
  CHECK(read.batch.row_offsets == std::vector<uint32_t>{0, 3, 5});
  CHECK(read.batch.values == std::vector<float>{30, 1, 1, -2.5f, 1});
  CHECK(read.batch.fields == std::vector<uint32_t>{0, 1, 2, 0, 1});
  CHECK(read.Keys() == std::vector<uint64_t>{Xxh3("age"), Xxh3("Rome", Xxh3("city")),
                                             Xxh3("cook", Xxh3("job")), Xxh3("age"),
                                             Xxh3("Rome, \"GA\"", Xxh3("city"))});
  // Keys of 64 bits are hashed as all others.
  data.set_hash_bits(20);
  const uint64_t age = Xxh3("age");
  CHECK(ReadFirst(data)->Keys()[0] == XXH3_64bits(&age, 8) >> 44);
}

TEST_CASE("without a header columns go by their index") {
  TempDir dir;
  v1::Data data = Csv(dir.Write("a.csv", "1,\"a,b\",3,4\n0,c,5,6\n"), false);
  Declare(data, "1", v1::CsvColumn::CATEGORICAL);
  Declare(data, "3", v1::CsvColumn::IGNORED);
  const Read read = *ReadFirst(data);
  CHECK(read.shape.fields == 2);
  CHECK(read.Keys() ==
        std::vector<uint64_t>{Xxh3("a,b", Xxh3("1")), Xxh3("2"), Xxh3("c", Xxh3("1")), Xxh3("2")});
  CHECK(read.batch.values == std::vector<float>{1, 3, 1, 5});
}

TEST_CASE("dense data with weights and ignored columns") {
  TempDir dir;
  v1::Data data = Csv(dir.Write("a.csv", "t,x,y,w,z\nfoo,1,0,3,2\nbar,4,1,0,5\n"), true);
  Declare(data, "t", v1::CsvColumn::IGNORED);
  Declare(data, "w", v1::CsvColumn::WEIGHT);
  v1::LabelWeight* const twice = data.add_label_weights();
  twice->set_label(0);
  twice->set_weight(2);
  const Read read = *ReadFirst(data);
  CHECK_FALSE(read.batch.sparse);
  CHECK(read.shape.columns == 2);
  CHECK(read.batch.values == std::vector<float>{1, 2, 4, 5});
  CHECK(read.batch.weights == std::vector<float>{6, 0});
}

TEST_CASE("missing numbers") {
  TempDir dir;
  const std::string text = "1,2,,3\n0,NA,4,nan\n1,NaN, ,5\n0,6,7,inf\n";
  v1::Data data = Csv(dir.Write("a.csv", text), false);
  CHECK(ReadFirst(data)->stats.bad_records == 4);
  data.mutable_csv()->set_missing(v1::Csv::ZERO);
  const Read dense = *ReadFirst(data);
  CHECK(dense.batch.values == std::vector<float>{2, 0, 3, 0, 4, 0, 0, 0, 5});
  CHECK(dense.stats.bad_record_examples ==
        Strings{data.train(0) + ":4: column 3: \"inf\" is not a finite number"});
  Declare(data, "1", v1::CsvColumn::CATEGORICAL);
  const Read sparse = *ReadFirst(data);
  CHECK(sparse.batch.values == std::vector<float>{1, 3, 1, 4, 1, 5});
  CHECK(sparse.batch.fields == std::vector<uint32_t>{0, 2, 0, 1, 0, 2});
  data.mutable_csv()->set_missing(v1::Csv::MEAN);
  const Read unknown = *ReadFirst(data);
  CHECK(unknown.batch.fields == std::vector<uint32_t>{0, 1, 2, 0, 1, 2, 0, 1, 2});
  CHECK(std::isnan(unknown.batch.values[1]));
  CHECK(unknown.batch.values[2] == 3);
}

TEST_CASE("labels by name") {
  TempDir dir;
  v1::Data data = Csv(dir.Write("a.csv", "\"yes\",1\nno,2\n 3 ,3\nmaybe,4\n"), false);
  for (const auto& [name, label] : {std::pair("yes", 1), std::pair("no", -1)}) {
    data.add_labels()->set_name(name);
    data.mutable_labels()->rbegin()->set_label(label);
  }
  const Read read = *ReadFirst(data);
  CHECK(read.batch.labels == std::vector<float>{1, -1, 3});
  CHECK(read.stats.bad_record_examples ==
        Strings{data.train(0) + ":4: column 0: label \"maybe\" is neither one of data.labels nor a "
                                "finite number"});
}

TEST_CASE("bad records say what is wrong") {
  TempDir dir;
  const auto error = [&](const std::string& line) {
    v1::Data data = Csv(dir.Write("a.csv", "y,c,w,x\n" + line + "\n"), true);
    Declare(data, "c", v1::CsvColumn::CATEGORICAL);
    Declare(data, "w", v1::CsvColumn::WEIGHT);
    data.mutable_on_bad_record()->set_action(v1::OnBadRecord::FAIL);
    const absl::Status status = ReadFirst(data).status();
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    const std::string place = data.train(0) + ":2: ";
    CHECK(status.message().substr(0, place.size()) == place);
    return std::string(status.message().substr(place.size()));
  };
  CHECK(error("1,a,1") == "3 columns, expected 4");
  CHECK(error("1,a,1,2,") == "5 columns, expected 4");
  CHECK(error("1,\"a,1,2") == "the quotes do not end in this line");
  CHECK(error("1,\"a\"b,1,2") == "there is more behind the quotes of \"a\"");
  CHECK(error(",a,1,2") == "column 0 (\"y\"): label \"\" is not a finite number");
  CHECK(error("1,a,-1,2") == "column 2 (\"w\"): weight \"-1\" is not a number from 0 on");
  CHECK(error("1,a,,2") == "column 2 (\"w\"): weight \"\" is not a number from 0 on");
  CHECK(error("1,a,1,") == "column 3 (\"x\") is empty");
  CHECK(error("1,a,1,b") == "column 3 (\"x\"): \"b\" is not a finite number");
}

TEST_CASE("columns that are not there") {
  TempDir dir;
  const std::string path = dir.Write("a.csv", "y,c\n1,a\n");
  const auto error = [&](const Strings& names) {
    v1::Data data = Csv(path, true);
    for (const std::string& name : names) Declare(data, name, v1::CsvColumn::CATEGORICAL);
    const absl::Status status = ReadDatasetShape(data).status();
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  CHECK(error({"d"}) == path + ": there is no column \"d\"; the columns are \"y\", \"c\"");
  CHECK(error({"c", "1"}) == path + ": data.csv.columns: \"1\" is declared twice");
  CHECK(error({"y"}) == path + ": data.csv.columns: \"y\" is the label");
  // Another file has other columns than the first.
  v1::Data data = Csv(path, true);
  Declare(data, "c", v1::CsvColumn::CATEGORICAL);
  const DatasetShape shape = *ReadDatasetShape(data);
  v1::Partition other;
  other.set_file(dir.Write("b.csv", "y,c,d\n1,a,2\n"));
  CHECK(BatchReader::Open(data, shape, {other}).status().message() ==
        other.file() + ": 2 feature columns, the data set has 1");
}

}  // namespace
}  // namespace paramd
