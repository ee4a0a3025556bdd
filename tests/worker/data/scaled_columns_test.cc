// Columns that are measured before training: MeasureColumns, and what BatchReader makes of it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/testing/temp_dir.h"
#include "worker/data/batch_reader.h"
#include "worker/data/column_scaler.h"
#include "worker/data/measure_columns.h"
#include "worker/data/read_dataset_shape.h"

namespace paramd {
namespace {

v1::Data Csv(const std::vector<std::string>& files, v1::Csv::Missing missing = v1::Csv::MEAN) {
  v1::Data data;
  data.set_format(v1::Data::CSV);
  data.mutable_csv()->set_label("0");
  data.mutable_csv()->set_missing(missing);
  for (const std::string& file : files) data.add_train(file);
  return data;
}

std::vector<v1::Partition> WholeFiles(const v1::Data& data) {
  std::vector<v1::Partition> partitions;
  for (const std::string& file : data.train()) partitions.emplace_back().set_file(file);
  return partitions;
}

Measured Measure(const v1::Data& data, const Split& split = {}) {
  return *MeasureColumns(data, *ReadDatasetShape(data), WholeFiles(data), split);
}

v1::ColumnScale Scale(float offset, float factor, float missing) {
  v1::ColumnScale scale;
  scale.set_offset(offset);
  scale.set_factor(factor);
  scale.set_missing(missing);
  return scale;
}

Batch ReadScaled(const v1::Data& data, const std::vector<v1::ColumnScale>& scales) {
  DatasetShape shape = *ReadDatasetShape(data);
  shape.scales = scales;
  Batch batch;
  CHECK(*(*BatchReader::Open(data, shape, WholeFiles(data)))->Next(100, &batch));
  return batch;
}

void CheckColumn(const v1::ColumnStatistics& column, std::vector<double> values) {
  REQUIRE(column.count() == values.size());
  double sum = 0, squares = 0;
  for (const double x : values) sum += x;
  const double mean = sum / static_cast<double>(values.size());
  for (const double x : values) squares += (x - mean) * (x - mean);
  CHECK(column.mean() == Approx(mean));
  CHECK(column.squares() == Approx(squares));
  CHECK(column.min() == *std::min_element(values.begin(), values.end()));
  CHECK(column.max() == *std::max_element(values.begin(), values.end()));
}

TEST_CASE("dense columns, without what is missing, over several files") {
  TempDir dir;
  const v1::Data data =
      Csv({dir.Write("a", "1,2,,100\n0,NA,4,101\nx\n"), dir.Write("b", "1,-7,,99.5\n")});
  const Measured measured = Measure(data);
  CHECK(measured.read.records == 3);
  CHECK(measured.read.bad_records == 1);
  REQUIRE(measured.columns.size() == 3);
  CheckColumn(measured.columns[0], {2, -7});
  CheckColumn(measured.columns[1], {4});
  CheckColumn(measured.columns[2], {100, 101, 99.5});
}

TEST_CASE("more rows than are read at once") {
  TempDir dir;
  std::string text;
  std::vector<double> values;
  for (int i = 0; i < 5000; ++i) {
    text += "0," + std::to_string(1000000 + i % 77) + "\n";
    values.push_back(1000000 + i % 77);
  }
  CheckColumn(Measure(Csv({dir.Write("a", text)})).columns[0], values);
}

TEST_CASE("measuring stops before a batch") {
  TempDir dir;
  const v1::Data data = Csv({dir.Write("a", "1,2\n")});
  int asked = 0;
  const auto measured = MeasureColumns(data, *ReadDatasetShape(data), WholeFiles(data), {},
                                       [&asked] { return ++asked == 2; });
  CHECK(measured.status().code() == absl::StatusCode::kCancelled);
}

TEST_CASE("of sparse data the numbers, and not the categories") {
  TempDir dir;
  v1::Data data = Csv({dir.Write("a", "1,x,3,0\n0,y,,5\n")});
  v1::CsvColumn& city = *data.mutable_csv()->add_columns();
  city.set_name("1");
  city.set_kind(v1::CsvColumn::CATEGORICAL);
  const Measured measured = Measure(data);
  REQUIRE(measured.columns.size() == 3);
  CHECK(measured.columns[0].count() == 0);
  CheckColumn(measured.columns[1], {3});
  CheckColumn(measured.columns[2], {0, 5});

  const Batch batch = ReadScaled(data, {Scale(0, 1, NAN), Scale(1, 2, 3), Scale(2.5f, 0.4f, 2.5f)});
  CHECK(batch.fields == std::vector<uint32_t>{0, 1, 2, 0, 1, 2});
  // A zero is a feature, for it is none after scaling.
  CHECK(batch.values == std::vector<float>{1, 4, -1, 1, 4, 1});
}

TEST_CASE("only the records that are trained on are measured") {
  TempDir dir;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "0," + std::to_string(i) + "\n";
  const v1::Data data = Csv({dir.Write("a", text)});
  Split split = {.part = Split::kTraining, .fraction = 0.3, .seed = 5};
  std::vector<double> values;
  const DatasetShape shape = *ReadDatasetShape(data);
  Batch batch;
  CHECK(*(*BatchReader::Open(data, shape, WholeFiles(data), split))->Next(1000, &batch));
  CHECK(batch.values.size() < 800);
  CheckColumn(Measure(data, split).columns[0], {batch.values.begin(), batch.values.end()});
}

TEST_CASE("dense rows are scaled, and what is missing becomes the mean first") {
  TempDir dir;
  const v1::Data data = Csv({dir.Write("a", "1,2,\n0,nan,4\n1,5,6\n")});
  const Batch batch = ReadScaled(data, {Scale(2, 0.5f, 3), Scale(4, 1, 4)});
  CHECK(batch.values == std::vector<float>{0, 0, 0.5f, 0, 1.5f, 2});
  CHECK(batch.labels == std::vector<float>{1, 0, 1});
}

TEST_CASE("a scale for every column") {
  TempDir dir;
  const v1::Data data = Csv({dir.Write("a", "1,2,3\n")});
  DatasetShape shape = *ReadDatasetShape(data);
  shape.scales = {Scale(0, 1, 0)};
  CHECK(BatchReader::Open(data, shape, WholeFiles(data)).status().message() ==
        "the data have 2 feature columns, but 1 were measured");
}

TEST_CASE("a column of numbers without any is named, a column of categories is not missed") {
  const float unknown = std::numeric_limits<float>::quiet_NaN();
  DatasetShape shape = {.sparse = false, .columns = 2};
  CHECK(CheckMeasured(shape).ok());
  shape.scales = {Scale(0, 1, 0), Scale(0, 1, unknown)};
  CHECK(CheckMeasured(shape).message().find("feature column 1 has no value") == 0);
  shape.feature_names = {"age", "height"};
  CHECK(CheckMeasured(shape).message().find("feature column 1 (\"height\") has no value") == 0);
  shape.categorical = {false, true};
  CHECK(CheckMeasured(shape).ok());
}

}  // namespace
}  // namespace paramd
