#include "worker/data/batch_reader.h"

#include <xxhash.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/testing/temp_dir.h"
#include "worker/data/read_dataset_shape.h"

namespace paramd {
namespace {

using Strings = std::vector<std::string>;

v1::Data Libsvm(const std::vector<std::string>& files = {}) {
  v1::Data data;
  data.set_format(v1::Data::LIBSVM);
  for (const std::string& file : files) data.add_train(file);
  return data;
}

v1::Data CsvWithHeader(const std::vector<std::string>& files, const std::string& label) {
  v1::Data data;
  data.set_format(v1::Data::CSV);
  data.mutable_csv()->set_header(true);
  data.mutable_csv()->set_label(label);
  for (const std::string& file : files) data.add_train(file);
  return data;
}

v1::Partition Part(const std::string& file, uint64_t begin = 0, uint64_t end = 0) {
  v1::Partition partition;
  partition.set_file(file);
  partition.set_begin(begin);
  partition.set_end(end);
  return partition;
}

struct Result {
  std::vector<float> labels;
  std::vector<size_t> batch_sizes;
  ReadStats stats;
};

absl::StatusOr<Result> ReadAll(const v1::Data& data, const DatasetShape& shape,
                               const v1::Partition& partition, int rows = 256) {
  absl::StatusOr<std::unique_ptr<BatchReader>> reader = BatchReader::Open(data, shape, {partition});
  if (!reader.ok()) return reader.status();
  Result result;
  Batch batch;
  while (true) {
    const absl::StatusOr<bool> more = (*reader)->Next(rows, &batch);
    if (!more.ok()) return more.status();
    if (!*more) break;
    result.labels.insert(result.labels.end(), batch.labels.begin(), batch.labels.end());
    result.batch_sizes.push_back(batch.rows());
  }
  CHECK(batch.rows() == 0);
  result.stats = (*reader)->stats();
  return result;
}

DatasetShape Sparse() { return {.sparse = true}; }

TEST_CASE("sparse batches") {
  TempDir dir;
  const std::string path = dir.Write("a", "1 9:1 2:2\n\n# comment\r\n0 2:3\r\n1 100:4");
  std::unique_ptr<BatchReader> reader = *BatchReader::Open(Libsvm(), Sparse(), {Part(path)});
  Batch batch;
  batch.source_lease = 7;
  REQUIRE(*reader->Next(2, &batch));
  CHECK(batch.sparse);
  CHECK(batch.labels == std::vector<float>{1, 0});
  CHECK(batch.row_offsets == std::vector<uint32_t>{0, 2, 3});
  CHECK(batch.columns == std::vector<uint32_t>{1, 0, 0});
  CHECK(batch.values == std::vector<float>{1, 2, 3});
  CHECK(batch.unique_keys == std::vector<uint64_t>{2, 9});
  CHECK(batch.source_lease == 0);
  REQUIRE(*reader->Next(2, &batch));
  CHECK(batch.row_offsets == std::vector<uint32_t>{0, 1});
  CHECK(batch.unique_keys == std::vector<uint64_t>{100});
  CHECK_FALSE(*reader->Next(2, &batch));
  CHECK(batch.rows() == 0);
  CHECK(reader->stats().records == 3);
}

TEST_CASE("batches have the size asked for") {
  TempDir dir;
  const std::string path = dir.Write("a", "1\n2\n3\n4\n5\n");
  const Result result = *ReadAll(Libsvm(), Sparse(), Part(path), 2);
  CHECK(result.labels == std::vector<float>{1, 2, 3, 4, 5});
  CHECK(result.batch_sizes == std::vector<size_t>{2, 2, 1});
}

TEST_CASE("an empty file has no records") {
  TempDir dir;
  CHECK(ReadAll(Libsvm(), Sparse(), Part(dir.Write("a", "")))->stats.records == 0);
  const DatasetShape dense = {.sparse = false, .columns = 1};
  CHECK(ReadAll(CsvWithHeader({}, "y"), dense, Part(dir.Write("b", "")))->stats.records == 0);
  CHECK(ReadAll(CsvWithHeader({}, "y"), dense, Part(dir.Write("b", "x,y\n")))->stats.records == 0);
}

TEST_CASE("bad records are skipped and counted with file and line") {
  TempDir dir;
  const std::string path = dir.Write("a", "1 1:1\n\nx\n0 1:1\n1 2:2 2:2\n1 5:5");
  const Result result = *ReadAll(Libsvm(), Sparse(), Part(path));
  CHECK(result.labels == std::vector<float>{1, 0, 1});
  CHECK(result.stats.records == 3);
  CHECK(result.stats.bad_records == 2);
  CHECK(result.stats.bad_record_examples ==
        Strings{path + ":3: label \"x\" is not a finite number", path + ":5: index 2 comes twice"});
}

TEST_CASE("only the first few bad records are described") {
  TempDir dir;
  const Result result = *ReadAll(Libsvm(), Sparse(), Part(dir.Write("a", "x\nx\nx\nx\nx\nx\nx\n")));
  CHECK(result.stats.bad_records == 7);
  CHECK(result.stats.bad_record_examples.size() == 5);
}

TEST_CASE("line numbers are those of the file in every partition") {
  TempDir dir;
  const std::string path = dir.Write("a", "1\n2\nbad\n3\nworse\n");
  for (const uint64_t begin : {0, 2, 4}) {
    const Result result = *ReadAll(Libsvm(), Sparse(), Part(path, begin, 10));
    CHECK(result.stats.bad_record_examples ==
          Strings{path + ":3: label \"bad\" is not a finite number"});
  }
  const Result result = *ReadAll(Libsvm(), Sparse(), Part(path, 8));
  CHECK(result.stats.bad_record_examples ==
        Strings{path + ":5: label \"worse\" is not a finite number"});
}

TEST_CASE("action FAIL: the first bad record is an error") {
  TempDir dir;
  const std::string path = dir.Write("a", "1\n1\nbad\nbad\n");
  v1::Data data = Libsvm();
  data.mutable_on_bad_record()->set_action(v1::OnBadRecord::FAIL);
  const absl::Status status = ReadAll(data, Sparse(), Part(path)).status();
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(status.message() == path + ":3: label \"bad\" is not a finite number");
}

TEST_CASE("a line longer than 16 MiB is a bad record") {
  TempDir dir;
  const std::string path = dir.Write("a", "1 1:1\n1 " + std::string(17 << 20, '1') + "\n2 1:1\n");
  const Result result = *ReadAll(Libsvm(), Sparse(), Part(path));
  CHECK(result.labels == std::vector<float>{1, 2});
  CHECK(result.stats.bad_record_examples == Strings{path + ":2: the line is longer than 16 MiB"});
}

TEST_CASE("partitions of a file give every record once") {
  TempDir dir;
  std::string text;
  std::vector<uint64_t> starts;
  std::vector<float> expected;
  for (int i = 0; i < 100; ++i) {
    starts.push_back(text.size());
    expected.push_back(i);
    text += std::to_string(i) + " 1:" + std::string(1 + i % 7, '1') + (i % 2 ? "\n" : "\r\n");
  }
  starts.push_back(text.size());
  const std::string path = dir.Write("a", text);
  for (const size_t parts : {1, 3, 7, 100}) {
    std::vector<float> labels;
    for (size_t i = 0; i < parts; ++i) {
      const Result result =
          *ReadAll(Libsvm(), Sparse(),
                   Part(path, starts[100 * i / parts], starts[100 * (i + 1) / parts]), 3);
      labels.insert(labels.end(), result.labels.begin(), result.labels.end());
    }
    CHECK(labels == expected);
  }
}

TEST_CASE("hash_bits: a key is the top bits of the XXH3 hash of its eight bytes") {
  TempDir dir;
  std::string text = "1";
  for (uint64_t i = 0; i < 100; ++i) {
    absl::StrAppend(&text, " ", (i * 0x9e3779b97f4a7c15) >> (i % 60 + 1), ":", i);
  }
  v1::Data data = Libsvm({dir.Write("a", text)});
  Batch plain;
  REQUIRE(*(*BatchReader::Open(data, Sparse(), {Part(data.train(0))}))->Next(1, &plain));
  for (const uint32_t bits : {1u, 5u, 20u, 63u}) {
    data.set_hash_bits(bits);
    Batch hashed;
    REQUIRE(*(*BatchReader::Open(data, Sparse(), {Part(data.train(0))}))->Next(1, &hashed));
    CHECK(hashed.values == plain.values);
    CHECK(hashed.row_offsets == plain.row_offsets);
    for (size_t i = 0; i < plain.columns.size(); ++i) {
      const uint64_t key = plain.unique_keys[plain.columns[i]];
      CHECK(hashed.unique_keys[hashed.columns[i]] == XXH3_64bits(&key, 8) >> (64 - bits));
    }
    if (bits == 1) CHECK(hashed.unique_keys == std::vector<uint64_t>{0, 1});
  }
}

TEST_CASE("labels by name, and weights of labels") {
  TempDir dir;
  v1::Data data = Libsvm({dir.Write("a", "spam 1:1\n-1 1:1\nham 2:1\n+1 1:1\negg\n")});
  const auto name = [&](const std::string& text, double label) {
    data.add_labels()->set_name(text);
    data.mutable_labels()->rbegin()->set_label(label);
  };
  name("spam", 1);
  name("ham", 0);
  name("-1", 0);
  v1::LabelWeight* const weight = data.add_label_weights();
  weight->set_label(1);
  weight->set_weight(2.5);
  auto reader = *BatchReader::Open(data, Sparse(), {Part(data.train(0))});
  Batch batch;
  REQUIRE(*reader->Next(10, &batch));
  CHECK(batch.labels == std::vector<float>{1, 0, 0, 1});
  CHECK(batch.weights == std::vector<float>{2.5, 1, 1, 2.5});
  CHECK(reader->stats().bad_record_examples ==
        Strings{data.train(0) +
                ":5: label \"egg\" is neither one of data.labels nor a finite number"});
  data.clear_label_weights();
  REQUIRE(*(*BatchReader::Open(data, Sparse(), {Part(data.train(0))}))->Next(10, &batch));
  CHECK(batch.weights.empty());
}

TEST_CASE("LIBFFM: partitions of a file give every record once, and bad ones by file and line") {
  TempDir dir;
  std::string text;
  std::vector<uint64_t> starts;
  std::vector<float> expected;
  for (int i = 0; i < 60; ++i) {
    starts.push_back(text.size());
    if (i != 13) expected.push_back(i);
    absl::StrAppend(&text, i, " ", i == 13 ? 4 : i % 4, ":", i, ":1", i % 2 ? "\n" : "\r\n");
  }
  starts.push_back(text.size());
  const std::string path = dir.Write("a.ffm", text);
  v1::Data data;
  data.set_format(v1::Data::LIBFFM);
  data.mutable_libffm()->set_fields(4);
  data.add_train(path);
  const DatasetShape shape = *ReadDatasetShape(data);
  CHECK(shape.sparse);
  CHECK(shape.fields == 4);
  for (const size_t parts : {1, 4, 60}) {
    std::vector<float> labels;
    Strings bad;
    for (size_t i = 0; i < parts; ++i) {
      const v1::Partition part = Part(path, starts[60 * i / parts], starts[60 * (i + 1) / parts]);
      const Result result = *ReadAll(data, shape, part, 7);
      labels.insert(labels.end(), result.labels.begin(), result.labels.end());
      for (const std::string& text : result.stats.bad_record_examples) bad.push_back(text);
    }
    CHECK(labels == expected);
    CHECK(bad == Strings{path + ":14: field 4 is not below data.libffm.fields = 4"});
  }
}

TEST_CASE("partitions that do not fit the file are refused") {
  TempDir dir;
  const std::string path = dir.Write("a", "11\n22\n");
  const auto code = [&](uint64_t begin, uint64_t end) {
    return ReadAll(Libsvm(), Sparse(), Part(path, begin, end)).status().code();
  };
  CHECK(code(1, 6) == absl::StatusCode::kInvalidArgument);
  CHECK(code(3, 2) == absl::StatusCode::kInvalidArgument);
  CHECK(code(50, 60) == absl::StatusCode::kInvalidArgument);
  CHECK(code(3, 60) == absl::StatusCode::kDataLoss);
  CHECK(code(3, 6) == absl::StatusCode::kOk);
}

TEST_CASE("CSV with a header: only the partition at the beginning of the file skips it") {
  TempDir dir;
  const std::string path = dir.Write("a.csv", "\xef\xbb\xbfx,y,z\n1,2,3\n4,5,6\n7,8,9\n");
  const v1::Data data = CsvWithHeader({path}, "y");
  const DatasetShape shape = *ReadDatasetShape(data);
  CHECK_FALSE(shape.sparse);
  CHECK(shape.columns == 2);
  CHECK(shape.feature_names == Strings{"x", "z"});
  CHECK(ReadAll(data, shape, Part(path, 0, 15))->labels == std::vector<float>{2});
  CHECK(ReadAll(data, shape, Part(path, 15, 27))->labels == std::vector<float>{5, 8});
  Batch batch;
  REQUIRE(*(*BatchReader::Open(data, shape, {Part(path)}))->Next(10, &batch));
  CHECK(batch.values == std::vector<float>{1, 3, 4, 6, 7, 9});
}

TEST_CASE("CSV files with other columns than the first") {
  TempDir dir;
  const std::string first = dir.Write("a.csv", "x,y,z\n1,2,3\n");
  const std::string moved_label = dir.Write("b.csv", "y,x,z\n1,2,3\n");
  const std::string swapped = dir.Write("c.csv", "z,y,x\n1,2,3\n");
  const std::string more = dir.Write("d.csv", "x,y,z,t\n1,2,3,4\n");
  const v1::Data data = CsvWithHeader({first}, "y");
  const DatasetShape shape = *ReadDatasetShape(data);
  CHECK(ReadAll(data, shape, Part(moved_label))->labels == std::vector<float>{1});
  CHECK(ReadAll(data, shape, Part(swapped)).status().message() ==
        swapped + ": feature 0 is \"z\", in the data set it is \"x\"");
  CHECK(ReadAll(data, shape, Part(more)).status().message() ==
        more + ": 3 feature columns, the data set has 2");
  CHECK(ReadAll(data, {.sparse = true}, Part(first)).status().code() ==
        absl::StatusCode::kInvalidArgument);
}

TEST_CASE("the shape of a data set") {
  TempDir dir;
  const std::string empty = dir.Write("empty.csv", "");
  const std::string good = dir.Write("good.csv", "\n1,2,3\n1,2\n");
  CHECK(ReadDatasetShape(Libsvm({empty}))->sparse);
  CHECK(ReadDatasetShape(Libsvm({dir.File("none")})).status().code() ==
        absl::StatusCode::kNotFound);
  v1::Data csv;
  csv.set_format(v1::Data::CSV);
  CHECK_FALSE(ReadDatasetShape(csv).ok());
  csv.add_train(empty);
  CHECK(ReadDatasetShape(csv).status().code() == absl::StatusCode::kInvalidArgument);
  csv.add_train(good);
  CHECK(ReadDatasetShape(csv)->columns == 2);
  csv.mutable_csv()->set_label("3");
  CHECK(ReadDatasetShape(csv).status().message() ==
        good + ": there is no label column \"3\"; the columns are 0 to 2 (no header)");
}

TEST_CASE("a9a is read without a bad record") {
  const char* data = std::getenv("PARAMD_DATA");
  const std::string folder = std::string(data != nullptr ? data : "../shared/data") + "/a9a";
  if (!std::filesystem::exists(folder)) {
    WARN("skipped: no " << folder << " (set PARAMD_DATA)");
    return;
  }
  const Result train = *ReadAll(Libsvm(), Sparse(), Part(folder + "/train.libsvm"));
  CHECK(train.stats.records == 32561);
  CHECK(train.stats.bad_records == 0);
  const Result test = *ReadAll(Libsvm(), Sparse(), Part(folder + "/test.libsvm"));
  CHECK(test.stats.records == 16281);
  CHECK(test.stats.bad_records == 0);
}

TEST_CASE("stripes together are the batches of the whole, across files") {
  TempDir dir;
  std::string rows;
  for (int i = 0; i < 47; ++i) absl::StrAppend(&rows, i % 10 == 3 ? "bad" : "1", " ", i, ":1\n\n");
  const std::string first = dir.Write("a", rows.substr(0, rows.find("20:")) + "20:1\n");
  const std::string second = dir.Write("b", rows.substr(rows.find("1 21:")));
  // The keys of the batches of one stripe of n, each `batch_rows` records long.
  const auto batches = [&](uint32_t stripe, uint32_t stripes, int batch_rows) {
    std::vector<v1::Partition> files;
    for (const std::string& path : {first, second}) {
      files.push_back(Part(path));
      files.back().set_stripe(stripe);
      files.back().set_stripes(stripes);
    }
    auto reader = *BatchReader::Open(Libsvm(), Sparse(), files);
    std::vector<std::vector<uint64_t>> keys;
    Batch batch;
    while (*reader->Next(batch_rows, &batch)) keys.push_back(batch.unique_keys);
    return keys;
  };
  for (const uint32_t stripes : {1u, 2u, 3u, 5u}) {
    const auto whole = batches(0, 1, 4);
    std::vector<std::vector<std::vector<uint64_t>>> parts;
    for (uint32_t stripe = 0; stripe < stripes; ++stripe)
      parts.push_back(batches(stripe, stripes, 4));
    for (size_t i = 0; i < whole.size(); ++i) {
      REQUIRE(parts[i % stripes].size() > i / stripes);
      CHECK(parts[i % stripes][i / stripes] == whole[i]);
    }
    // A larger batch is the union of the smaller ones of a step.
    const auto large = batches(0, 1, 4 * static_cast<int>(stripes));
    for (size_t step = 0; step < large.size(); ++step) {
      std::vector<uint64_t> together;
      for (const auto& part : parts) {
        if (part.size() > step)
          together.insert(together.end(), part[step].begin(), part[step].end());
      }
      CHECK(together == large[step]);
    }
  }
}

}  // namespace
}  // namespace paramd
