#include "worker/data/split.h"

#include <algorithm>
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

constexpr int kRecords = 4000;

Split Of(Split::Part part, double fraction, uint64_t seed = 1) {
  return {.part = part, .fraction = fraction, .seed = seed};
}

std::vector<float> ReadLabels(const v1::Data& data, const std::vector<v1::Partition>& partitions,
                              const Split& split) {
  auto reader = *BatchReader::Open(data, *ReadDatasetShape(data), partitions, split);
  std::vector<float> labels;
  Batch batch;
  while (*reader->Next(100, &batch)) {
    labels.insert(labels.end(), batch.labels.begin(), batch.labels.end());
  }
  CHECK(reader->stats().records == labels.size());
  return labels;
}

v1::Partition Part(const std::string& file, uint64_t begin = 0, uint64_t end = 0) {
  v1::Partition part;
  part.set_file(file);
  part.set_begin(begin);
  part.set_end(end);
  return part;
}

// Record i is a line with label i.
struct Lines {
  Lines(const TempDir& dir, const std::string& name) {
    std::string text;
    for (int i = 0; i < kRecords; ++i) {
      if (i == kRecords / 3) cut = text.size();
      absl::StrAppend(&text, i, " 1:1", i % 3 == 0 ? "\r\n\n" : "\n");
    }
    data.set_format(v1::Data::LIBSVM);
    data.add_train(dir.Write(name, text));
    size = text.size();
  }

  const std::string& file() const { return data.train(0); }

  v1::Data data;
  uint64_t cut = 0;  // a record begins here
  uint64_t size = 0;
};

TEST_CASE("the parts have every record once, and about the fraction that was asked for") {
  TempDir dir;
  const Lines lines(dir, "a");
  for (const double fraction : {0.01, 0.3, 0.9}) {
    std::vector<float> all =
        ReadLabels(lines.data, {Part(lines.file())}, Of(Split::kTraining, fraction));
    const std::vector<float> held_out =
        ReadLabels(lines.data, {Part(lines.file())}, Of(Split::kHeldOut, fraction));
    // Five standard deviations of a binomial variable.
    CHECK(static_cast<double>(held_out.size()) ==
          Approx(fraction * kRecords).margin(5 * std::sqrt(kRecords * fraction * (1 - fraction))));
    all.insert(all.end(), held_out.begin(), held_out.end());
    std::sort(all.begin(), all.end());
    CHECK(all == ReadLabels(lines.data, {Part(lines.file())}, {}));
  }
}

TEST_CASE("the parts are the same for every cut of the file, and in another folder") {
  TempDir dir, other;
  const Lines lines(dir, "a"), moved(other, "a"), renamed(dir, "b");
  const Split split = Of(Split::kHeldOut, 0.2);
  const std::vector<float> whole = ReadLabels(lines.data, {Part(lines.file())}, split);
  CHECK(ReadLabels(lines.data,
                   {Part(lines.file(), 0, lines.cut), Part(lines.file(), lines.cut, lines.size)},
                   split) == whole);
  CHECK(ReadLabels(moved.data, {Part(moved.file())}, split) == whole);
  CHECK(ReadLabels(renamed.data, {Part(renamed.file())}, split) != whole);
  CHECK(ReadLabels(lines.data, {Part(lines.file())}, Of(Split::kHeldOut, 0.2, 2)) != whole);
}

TEST_CASE("stripes share what the split has") {
  TempDir dir;
  const Lines lines(dir, "a");
  const Split split = Of(Split::kTraining, 0.5);
  std::vector<float> together;
  for (uint32_t stripe = 0; stripe < 3; ++stripe) {
    v1::Partition part = Part(lines.file());
    part.set_stripe(stripe);
    part.set_stripes(3);
    const std::vector<float> labels = ReadLabels(lines.data, {part}, split);
    together.insert(together.end(), labels.begin(), labels.end());
  }
  std::sort(together.begin(), together.end());
  CHECK(together == ReadLabels(lines.data, {Part(lines.file())}, split));
}

TEST_CASE("IDX records are split by their place as well") {
  TempDir dir;
  const std::string count("\0\0\0\xc8", 4);  // 200
  std::string images = std::string("\0\0\x08\x02", 4) + count + std::string("\0\0\0\x01", 4);
  std::string labels = std::string("\0\0\x08\x01", 4) + count;
  for (int i = 0; i < 200; ++i) images += static_cast<char>(1), labels += static_cast<char>(i);
  v1::Data data;
  data.set_format(v1::Data::IDX);
  data.add_train(dir.Write("i", images));
  data.mutable_idx()->add_train_labels(dir.Write("l", labels));
  const std::string& file = data.train(0);
  const Split split = Of(Split::kHeldOut, 0.5);
  const std::vector<float> held_out = ReadLabels(data, {Part(file)}, split);
  CHECK(ReadLabels(data, {Part(file, 12, 112), Part(file, 112, 212)}, split) == held_out);
  CHECK(held_out.size() + ReadLabels(data, {Part(file)}, Of(Split::kTraining, 0.5)).size() == 200);
  CHECK(held_out.size() > 50);
  CHECK(held_out.size() < 150);
}

}  // namespace
}  // namespace paramd
