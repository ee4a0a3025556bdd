// How fast the readers are beside what the machine can do with the same bytes: memchr over them in
// memory, and reading (and decompressing) the file without looking at it. One thread, files in the
// page cache, medians of 5. MB are 10^6 bytes of text, also where the file is compressed, or where
// batches come from a cache (data.cache). Below: bytes of a row as text and in the cache.
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/reader_bench_data.h"
#include "tests/bench/report.h"
#include "tests/testing/temp_dir.h"
#include "worker/data/batch_builder.h"
#include "worker/data/batch_cache.h"
#include "worker/data/batch_reader.h"
#include "worker/data/batch_request.h"
#include "worker/data/batch_source.h"
#include "worker/data/open_batch_source.h"
#include "worker/data/open_record_reader.h"
#include "worker/data/open_source.h"
#include "worker/data/read_dataset_shape.h"

namespace paramd {
namespace {

struct Input {
  std::string name;
  v1::Data data;      // one training file
  std::string cache;  // a folder for it alone
  uint64_t text_bytes = 0;
  uint64_t rows = 0;
  double memchr_seconds = 0;
};

template <typename T>
T Value(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::cerr << result.status().message() << "\n";
  std::exit(1);
}

void Expect(uint64_t rows, uint64_t expected) {
  if (rows == expected) return;
  std::cerr << "read " << rows << " rows, expected " << expected << "\n";
  std::exit(1);
}

uint64_t CountLines(const std::string& text) {
  uint64_t lines = 0;
  const char* const end = text.data() + text.size();
  for (const char* p = text.data(); p != end; ++lines) {
    p = static_cast<const char*>(std::memchr(p, '\n', static_cast<size_t>(end - p))) + 1;
  }
  return lines;
}

void ReadBytes(const Input& input) {
  const std::unique_ptr<ByteSource> source = Value(OpenSource(input.data.train(0)));
  std::vector<char> block(size_t{256} << 10);
  uint64_t bytes = 0;
  while (const size_t got = Value(source->Read(absl::MakeSpan(block)))) bytes += got;
  Expect(bytes, input.text_bytes);
}

v1::Partition Whole(const Input& input) {
  v1::Partition partition;
  partition.set_file(input.data.train(0));
  return partition;
}

void Parse(const Input& input, const DatasetShape& shape) {
  constexpr size_t kBatchRows = 1024;
  const auto records = Value(OpenRecordReader(input.data, shape, Whole(input)));
  BatchBuilder builder;
  Batch batch;
  ReadStats stats;
  builder.Begin(shape, &batch);
  while (Value(records->Next())) {
    if (builder.rows() == kBatchRows) builder.Begin(shape, &batch);
    if (!records->Parse(&builder, &stats).ok()) std::exit(1);
  }
  Expect(stats.records, input.rows);
}

void ReadBatches(const Input& input, const DatasetShape& shape, int batch_rows) {
  const auto reader = Value(BatchReader::Open(input.data, shape, {Whole(input)}));
  Batch batch;
  while (Value(reader->Next(batch_rows, &batch))) {
  }
  Expect(reader->stats().records, input.rows);
}

BatchRequest Request(const Input& input, const DatasetShape& shape, int batch_rows) {
  return {
      .data = input.data, .shape = shape, .partitions = {Whole(input)}, .batch_rows = batch_rows};
}

void ReadCached(const BatchRequest& request, BatchCache& cache, uint64_t rows) {
  const auto source = Value(OpenBatchSource(request, &cache));
  Batch batch;
  while (Value(source->Next(&batch))) {
  }
  Expect(source->stats().records, rows);
}

void Add(const Input& input, const std::string& stage, double seconds, double read_seconds,
         Report* report) {
  report->Add({{"input", input.name},
               {"stage", stage},
               {"mb_per_s", static_cast<double>(input.text_bytes) / seconds / 1e6},
               {"rows_per_s", static_cast<double>(input.rows) / seconds},
               {"memchr_ratio", input.memchr_seconds / seconds},
               {"read_ratio", read_seconds / seconds}});
}

void Measure(const Input& input, Report* report) {
  const DatasetShape shape = Value(ReadDatasetShape(input.data));
  const double read = MedianSeconds([&] { ReadBytes(input); });
  Add(input, "memchr", input.memchr_seconds, read, report);
  Add(input, "read", read, read, report);
  Add(input, "parse", MedianSeconds([&] { Parse(input, shape); }), read, report);
  for (const int rows : {256, 1024, 4096}) {
    Add(input, absl::StrCat("batch ", rows),
        MedianSeconds([&] { ReadBatches(input, shape, rows); }), read, report);
    BatchCache cache(input.cache);
    const BatchRequest request = Request(input, shape, rows);
    // The first time, which MedianSeconds does not count, writes it.
    Add(input, absl::StrCat("cached ", rows),
        MedianSeconds([&] { ReadCached(request, cache, input.rows); }), read, report);
  }
}

void AddSizes(const Input& input, Report* report) {
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(input.cache)) {
    bytes += entry.file_size();
  }
  const auto rows = static_cast<double>(input.rows);
  report->Add({{"input", input.name},
               {"text_bytes_per_row", static_cast<double>(input.text_bytes) / rows},
               {"cache_bytes_per_row", static_cast<double>(bytes) / rows}});
}

// Writes `content` (of `text`, compressed or not) and describes it.
Input MakeInput(const TempDir& folder, const std::string& name, const std::string& file,
                v1::Data::Format format, const std::string& text, const std::string& content) {
  Input input{.name = name, .text_bytes = text.size(), .rows = CountLines(text)};
  input.data.set_format(format);
  input.data.add_train(folder.Write(file, content));
  input.cache = folder.File(file + ".cache");
  input.memchr_seconds = MedianSeconds([&] { Expect(CountLines(text), input.rows); });
  return input;
}

Report MeasureAll() {
  spdlog::set_level(spdlog::level::warn);
  const TempDir folder;
  std::vector<Input> inputs;
  {
    const std::string text = OneHotText(400'000);
    const auto add = [&](const std::string& name, const std::string& suffix,
                         const std::string& content) {
      inputs.push_back(
          MakeInput(folder, name, "onehot.libsvm" + suffix, v1::Data::LIBSVM, text, content));
    };
    add("LIBSVM one-hot", "", text);
    add("LIBSVM one-hot, gzip", ".gz", Gzip(text));
    add("LIBSVM one-hot, zstd", ".zst", Zstd(text));
  }
  const std::string real = RealValuedText(100'000);
  inputs.push_back(
      MakeInput(folder, "LIBSVM real-valued", "real.libsvm", v1::Data::LIBSVM, real, real));
  const std::string images = ImageText(20'000);
  inputs.push_back(
      MakeInput(folder, "CSV 784 columns", "images.csv", v1::Data::CSV, images, images));
  Report report;
  for (const Input& input : inputs) Measure(input, &report);
  for (const Input& input : inputs) AddSizes(input, &report);
  return report;
}

}  // namespace
}  // namespace paramd

int main(int argc, char** argv) { return paramd::MeasureAll().Finish(argc, argv); }
