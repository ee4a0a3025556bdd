#include "tests/bench/tax_data.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "deploy/paramctl/click_log.h"
#include "worker/data/open_source.h"

namespace paramd {
namespace {

[[noreturn]] void Fail(const absl::Status& status) {
  std::fprintf(stderr, "data: %s\n", status.ToString().c_str());
  std::exit(1);
}

void WriteText(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) Fail(absl::UnavailableError(absl::StrCat(path, ": cannot be written")));
}

std::string ClickText(const ClickLog& log, uint64_t part, uint64_t rows) {
  std::string text;
  ClickLog::Row row;
  for (uint64_t i = 0; i < rows; ++i) {
    log.Fill(part, i, &row);
    text += row.click ? '1' : '0';
    for (const uint64_t key : row.keys) absl::StrAppend(&text, " ", key, ":1");
    text += '\n';
  }
  return text;
}

std::vector<uint8_t> ReadAll(const std::string& path) {
  auto source = OpenSource(path);
  if (!source.ok()) Fail(source.status());
  std::vector<uint8_t> bytes;
  std::vector<char> block(1 << 20);
  while (true) {
    const absl::StatusOr<size_t> size = (*source)->Read(absl::MakeSpan(block));
    if (!size.ok()) Fail(size.status());
    if (*size == 0) return bytes;
    bytes.insert(bytes.end(), block.begin(), block.begin() + static_cast<ptrdiff_t>(*size));
  }
}

}  // namespace

TrainTest WriteClickLog(const std::string& folder, uint64_t rows) {
  const ClickLog log({.cardinality = 500'000});
  const TrainTest files = {.train = folder + "/clicks.train.libsvm",
                           .test = folder + "/clicks.test.libsvm"};
  WriteText(files.train, ClickText(log, 0, rows));
  WriteText(files.test, ClickText(log, 1, 50'000));
  return files;
}

std::optional<std::string> RealData(const std::string& file) {
  std::string folder = "../shared/data";
  if (const char* checkout = std::getenv("BUILD_WORKSPACE_DIRECTORY")) {
    folder = absl::StrCat(checkout, "/", folder);
  }
  if (const char* data = std::getenv("PARAMD_DATA")) folder = data;
  std::error_code ignored;
  const std::string path = std::filesystem::weakly_canonical(folder + "/" + file, ignored);
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  return path;
}

std::optional<TrainTest> WriteMnist(const std::string& folder) {
  constexpr size_t kPixels = 784, kRows = 10'000, kTrainRows = 8'000;
  // An IDX file begins with its sizes.
  constexpr size_t kImageHeader = 16, kLabelHeader = 8;
  const auto image_file = RealData("mnist/t10k-images-idx3-ubyte.gz");
  const auto label_file = RealData("mnist/t10k-labels-idx1-ubyte.gz");
  if (!image_file.has_value() || !label_file.has_value()) return std::nullopt;
  const std::vector<uint8_t> images = ReadAll(*image_file);
  const std::vector<uint8_t> labels = ReadAll(*label_file);
  if (images.size() != kImageHeader + kRows * kPixels || labels.size() != kLabelHeader + kRows) {
    Fail(absl::DataLossError(*image_file + ": not the 10,000 digits"));
  }
  std::string train, test;
  for (size_t row = 0; row < kRows; ++row) {
    std::string& text = row < kTrainRows ? train : test;
    absl::StrAppend(&text, labels[kLabelHeader + row]);
    for (size_t i = 0; i < kPixels; ++i) {
      absl::StrAppendFormat(&text, ",%.4g", images[kImageHeader + row * kPixels + i] / 255.0);
    }
    text += '\n';
  }
  const TrainTest files = {.train = folder + "/mnist.train.csv",
                           .test = folder + "/mnist.test.csv"};
  WriteText(files.train, train);
  WriteText(files.test, test);
  return files;
}

}  // namespace paramd
