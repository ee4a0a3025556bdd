#include "worker/data/read_sample.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

constexpr int kRows = 10000;

// Rows "0,<first>", "0,<first + 1>", ...
std::string Numbers(int first, int rows) {
  std::string text;
  for (int i = first; i < first + rows; ++i) text += "0," + std::to_string(i) + "\n";
  return text;
}

v1::Data Csv(const std::vector<std::string>& files) {
  v1::Data data;
  data.set_format(v1::Data::CSV);
  data.mutable_csv()->set_delimiter(",");
  data.mutable_csv()->set_label("0");
  data.mutable_on_bad_record()->set_action(v1::OnBadRecord::SKIP);
  for (const std::string& file : files) data.add_train(file);
  return data;
}

const DatasetShape kShape = {.sparse = false, .columns = 1};

// Largest distance between neighbours, with the ends.
float LargestGap(std::vector<float> values) {
  values.insert(values.end(), {0, kRows});
  std::sort(values.begin(), values.end());
  float gap = 0;
  for (size_t i = 1; i < values.size(); ++i) gap = std::max(gap, values[i] - values[i - 1]);
  return gap;
}

TEST_CASE("a sample comes from all over the file, or files") {
  TempDir dir;
  const v1::Data one = Csv({dir.Write("all.csv", Numbers(0, kRows))});
  v1::Data many;
  {
    std::vector<std::string> files;
    for (int i = 0; i < 100; ++i) {
      files.push_back(dir.Write(std::to_string(i), Numbers(i * kRows / 100, kRows / 100)));
    }
    files.push_back(dir.Write("empty", ""));
    many = Csv(files);
  }
  for (const v1::Data& data : {one, many}) {
    const absl::StatusOr<Batch> sample = ReadSample(data, kShape, 640);
    REQUIRE(sample.ok());
    CHECK(sample->rows() == 640);
    CHECK(sample->values.size() == 640);
    CHECK(LargestGap(sample->values) <= kRows / 20);
    CHECK(std::set<float>(sample->values.begin(), sample->values.end()).size() == 640);
  }
}

TEST_CASE("a sample of more rows than there are is everything once") {
  TempDir dir;
  const v1::Data data = Csv({dir.Write("a", Numbers(0, 70)), dir.Write("b", Numbers(70, 3))});
  const absl::StatusOr<Batch> sample = ReadSample(data, kShape, 1000);
  REQUIRE(sample.ok());
  CHECK(sample->rows() == 73);
  CHECK(std::set<float>(sample->values.begin(), sample->values.end()).size() == 73);
}

TEST_CASE("records that are held out are in no sample") {
  TempDir dir;
  const v1::Data data = Csv({dir.Write("a", Numbers(0, 1000))});
  Split split = {.part = Split::kTraining, .fraction = 0.5, .seed = 3};
  const absl::StatusOr<Batch> training = ReadSample(data, kShape, 1000, split);
  split.part = Split::kHeldOut;
  const absl::StatusOr<Batch> held_out = ReadSample(data, kShape, 1000, split);
  REQUIRE((training.ok() && held_out.ok()));
  std::set<float> all(training->values.begin(), training->values.end());
  CHECK(all.size() < 600);
  all.insert(held_out->values.begin(), held_out->values.end());
  CHECK(all.size() == 1000);
  CHECK(training->rows() + held_out->rows() == 1000);
}

TEST_CASE("bad records are left out, files that are not there are an error") {
  TempDir dir;
  v1::Data data = Csv({dir.Write("a", "0,1\nx\n0,2\n")});
  CHECK(ReadSample(data, kShape, 10)->values == std::vector<float>{1, 2});
  data.add_train(dir.File("none"));
  CHECK(ReadSample(data, kShape, 10).status().code() == absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace paramd
