// IDX files through BatchReader.
#include <zlib.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/testing/temp_dir.h"
#include "worker/data/batch_reader.h"
#include "worker/data/read_dataset_shape.h"

namespace paramd {
namespace {

std::string Header(std::vector<uint32_t> dimensions) {
  std::string header = {0, 0, 8, static_cast<char>(dimensions.size())};
  for (const uint32_t dimension : dimensions) {
    for (int shift = 24; shift >= 0; shift -= 8) header += static_cast<char>(dimension >> shift);
  }
  return header;
}

// Record i is [i, 255, i, 0, i, 1], its label i modulo 10.
std::string Images(uint32_t records) {
  std::string bytes = Header({records, 2, 3});
  for (uint32_t i = 0; i < records; ++i) {
    for (const uint32_t byte : {i, 255u, i, 0u, i, 1u}) bytes += static_cast<char>(byte);
  }
  return bytes;
}

std::string Labels(uint32_t records) {
  std::string bytes = Header({records});
  for (uint32_t i = 0; i < records; ++i) bytes += static_cast<char>(i % 10);
  return bytes;
}

std::string WriteGzip(const TempDir& dir, const std::string& name, const std::string& content) {
  gzFile file = gzopen(dir.File(name).c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  return dir.File(name);
}

v1::Data Idx(const std::string& images, const std::string& labels) {
  v1::Data data;
  data.set_format(v1::Data::IDX);
  data.add_train(images);
  data.mutable_idx()->add_train_labels(labels);
  return data;
}

struct Read {
  std::vector<float> labels, values;
};

absl::StatusOr<Read> ReadPart(const v1::Data& data, uint64_t begin = 0, uint64_t end = 0) {
  const absl::StatusOr<DatasetShape> shape = ReadDatasetShape(data);
  if (!shape.ok()) return shape.status();
  v1::Partition part;
  part.set_file(data.train(0));
  part.set_begin(begin);
  part.set_end(end);
  auto reader = BatchReader::Open(data, *shape, {part});
  if (!reader.ok()) return reader.status();
  Read read;
  Batch batch;
  while (true) {
    const absl::StatusOr<bool> more = (*reader)->Next(7, &batch);
    if (!more.ok()) return more.status();
    if (!*more) return read;
    CHECK_FALSE(batch.sparse);
    CHECK(batch.dense_cols == 6);
    read.labels.insert(read.labels.end(), batch.labels.begin(), batch.labels.end());
    read.values.insert(read.values.end(), batch.values.begin(), batch.values.end());
  }
}

void CheckRecords(const Read& read, size_t records) {
  REQUIRE(read.labels.size() == records);
  REQUIRE(read.values.size() == 6 * records);
  for (size_t i = 0; i < records; ++i) {
    const float x = static_cast<float>(i);
    CHECK(read.labels[i] == static_cast<float>(i % 10));
    CHECK(std::vector<float>(&read.values[6 * i], &read.values[6 * i] + 6) ==
          std::vector<float>{x, 255, x, 0, x, 1});
  }
}

TEST_CASE("IDX: plain and compressed files") {
  TempDir dir;
  const std::string images = dir.Write("i", Images(200)), labels = dir.Write("l", Labels(200));
  const std::string images_gz = WriteGzip(dir, "i.gz", Images(200));
  const std::string labels_gz = WriteGzip(dir, "l.gz", Labels(200));
  for (const std::string& i : {images, images_gz}) {
    for (const std::string& l : {labels, labels_gz}) CheckRecords(*ReadPart(Idx(i, l)), 200);
  }
  CheckRecords(*ReadPart(Idx(dir.Write("e", Images(0)), dir.Write("f", Labels(0)))), 0);
}

TEST_CASE("IDX: partitions give every record once") {
  TempDir dir;
  const v1::Data data = Idx(dir.Write("i", Images(100)), WriteGzip(dir, "l.gz", Labels(100)));
  Read all;
  for (uint64_t begin = 0; begin < 100; begin += 20) {
    const Read part = *ReadPart(data, 16 + 6 * begin, 16 + 6 * (begin + 20));
    CHECK(part.labels.size() == 20);
    all.labels.insert(all.labels.end(), part.labels.begin(), part.labels.end());
    all.values.insert(all.values.end(), part.values.begin(), part.values.end());
  }
  CheckRecords(all, 100);
  CHECK(ReadPart(data, 17).status().message() == data.train(0) + ": no record begins at byte 17");
  CHECK(ReadPart(data, 16 + 6 * 101).status().message() ==
        data.train(0) + ": no record begins at byte 622");
}

TEST_CASE("IDX: labels by name") {
  TempDir dir;
  v1::Data data = Idx(dir.Write("i", Images(3)), dir.Write("l", Labels(3)));
  data.add_labels()->set_name("2");
  data.mutable_labels(0)->set_label(-1);
  CHECK(ReadPart(data)->labels == std::vector<float>{0, 1, -1});
}

TEST_CASE("IDX: files that do not fit together") {
  TempDir dir;
  const std::string images = dir.Write("i", Images(100)), labels = dir.Write("l", Labels(100));
  const std::string fewer = dir.Write("fewer", Labels(99));
  CHECK(ReadPart(Idx(images, fewer)).status().message() ==
        fewer + ": 99 labels for the 100 records of " + images);
  CHECK(ReadPart(Idx(images, images)).status().message() ==
        images + ": 6 bytes for each label, not one");
  CHECK(ReadPart(Idx(images, dir.File("none"))).status().code() == absl::StatusCode::kNotFound);
  v1::Data data = Idx(images, labels);
  data.add_eval(labels);
  data.mutable_idx()->add_eval_labels(labels);
  CHECK(ReadDatasetShape(data).status().message() ==
        labels + ": records of 1 bytes; in " + images + " they have 6");
  data.mutable_idx()->clear_eval_labels();
  CHECK(ReadDatasetShape(data).status().message() == labels + ": there is no file with its labels");
}

TEST_CASE("IDX: files that are not as long as they should be") {
  TempDir dir;
  const std::string images = dir.Write("i", Images(100)), labels = dir.Write("l", Labels(100));
  const auto check = [](const v1::Data& data, const std::string& file, const std::string& how) {
    const absl::Status status = ReadPart(data).status();
    CHECK(status.code() == absl::StatusCode::kDataLoss);
    CHECK(status.message() == file + ": its header counts 100 records, but it " + how);
  };
  const std::string cut = dir.Write("cut", Images(100).substr(0, 500));
  check(Idx(cut, labels), cut, "ends before that");
  const std::string more = dir.Write("more", Images(100) + "x");
  check(Idx(more, labels), more, "goes on after that");
  const std::string few = dir.Write("few", Labels(100).substr(0, 50));
  check(Idx(images, few), few, "ends before that");
  const std::string many = WriteGzip(dir, "many.gz", Labels(100) + "x");
  check(Idx(images, many), many, "goes on after that");
}

TEST_CASE("MNIST is read whole") {
  const char* data = std::getenv("PARAMD_DATA");
  const std::string folder = std::string(data != nullptr ? data : "../shared/data") + "/mnist";
  if (!std::filesystem::exists(folder)) {
    WARN("skipped: no " << folder << " (set PARAMD_DATA)");
    return;
  }
  const v1::Data mnist =
      Idx(folder + "/t10k-images-idx3-ubyte.gz", folder + "/t10k-labels-idx1-ubyte.gz");
  const DatasetShape shape = *ReadDatasetShape(mnist);
  CHECK(shape.columns == 784);
  v1::Partition whole;
  whole.set_file(mnist.train(0));
  auto reader = *BatchReader::Open(mnist, shape, {whole});
  Batch batch;
  REQUIRE(*reader->Next(20000, &batch));
  CHECK(batch.rows() == 10000);
  CHECK(batch.labels[0] == 7);
  CHECK(*std::max_element(batch.values.begin(), batch.values.end()) == 255);
}

}  // namespace
}  // namespace paramd
