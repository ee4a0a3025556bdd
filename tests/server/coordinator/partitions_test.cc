#include "server/coordinator/partitions.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

v1::Data DataOf(const std::vector<std::string>& files, uint32_t per_worker) {
  v1::Data data;
  for (const std::string& file : files) data.add_train(file);
  data.set_partitions_per_worker(per_worker);
  return data;
}

// Every byte is in exactly one partition, and each one begins and ends at a line end.
void CheckCover(const std::string& path, const std::vector<v1::Partition>& partitions) {
  const std::string content = *ReadFile(path);
  uint64_t at = 0;
  for (const v1::Partition& partition : partitions) {
    if (partition.file() != path) continue;
    CHECK(partition.begin() == at);
    CHECK(partition.end() > partition.begin());
    at = partition.end();
    CHECK((at == content.size() || content[at - 1] == '\n'));
  }
  CHECK(at == content.size());
}

TEST_CASE("a file is cut at line ends, whatever the lengths of the lines") {
  TempDir dir;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::string(i * 7 % 91, 'x') + "\n";
  for (const std::string& content : {text, text + "no newline at the end"}) {
    const std::string path = dir.Write("a", content);
    for (const uint32_t workers : {1, 2, 3, 10}) {
      const auto partitions = CutTrainingFiles(DataOf({path}, 4), workers);
      REQUIRE(partitions.ok());
      CHECK(partitions->size() == workers * 4);
      CheckCover(path, *partitions);
    }
  }
}

TEST_CASE(
    "few long lines give few partitions, at least one a worker when there are as many lines") {
  TempDir dir;
  const std::string line = std::string(200000, 'y') + "\n";
  const std::string path = dir.Write("a", line + line + line);
  const auto partitions = CutTrainingFiles(DataOf({path}, 4), 3);
  CHECK(partitions->size() == 3);
  CheckCover(path, *partitions);
}

TEST_CASE("small and large files share the partitions by size; empty ones have none") {
  TempDir dir;
  std::string lines;
  for (int i = 0; i < 5000; ++i) absl::StrAppend(&lines, i, "\n");
  const std::string large = dir.Write("large", lines);
  const std::string small = dir.Write("small", "1\n2\n");
  const std::string empty = dir.Write("empty", "");
  const auto partitions = CutTrainingFiles(DataOf({small, empty, large}, 2), 4);
  CheckCover(large, *partitions);
  CheckCover(small, *partitions);
  size_t of_small = 0;
  for (const v1::Partition& partition : *partitions) of_small += partition.file() == small;
  CHECK(of_small == 1);
  CHECK(partitions->size() >= 8);
}

TEST_CASE("a compressed file is one partition to its end") {
  TempDir dir;
  const auto partitions = CutTrainingFiles(DataOf({dir.Write("a.gz", "zzz")}, 4), 4);
  REQUIRE(partitions->size() == 1);
  CHECK((*partitions)[0].begin() == 0);
  CHECK((*partitions)[0].end() == 0);
}

TEST_CASE("an IDX file is cut between its records") {
  TempDir dir;
  const std::string header("\0\0\x08\x02\0\0\0\x0a\0\0\0\x03", 12);  // 10 records of 3 bytes
  v1::Data data = DataOf({dir.Write("a", header + std::string(30, '\n'))}, 2);
  data.set_format(v1::Data::IDX);
  const auto partitions = CutTrainingFiles(data, 2);
  REQUIRE(partitions->size() == 4);
  std::vector<uint64_t> bounds = {(*partitions)[0].begin()};
  for (const v1::Partition& partition : *partitions) {
    CHECK(partition.begin() == bounds.back());
    bounds.push_back(partition.end());
  }
  CHECK(bounds == std::vector<uint64_t>{12, 18, 27, 33, 42});
  data.set_train(0, dir.Write("b", "1,2\n"));
  CHECK(CutTrainingFiles(data, 2).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("missing files and missing data are named") {
  TempDir dir;
  const absl::Status missing = CutTrainingFiles(DataOf({dir.File("none")}, 1), 1).status();
  CHECK(missing.code() == absl::StatusCode::kNotFound);
  CHECK(std::string(missing.message()).find(dir.File("none")) != std::string::npos);
  CHECK(CutTrainingFiles(DataOf({dir.Write("e", "")}, 1), 1)->empty());
  v1::Data files = DataOf({dir.File("e"), dir.Write("a", "1\n")}, 1);
  REQUIRE(WholeFiles(files.train())->size() == 1);
  files.add_train(dir.File("none"));
  CHECK(WholeFiles(files.train()).status().code() == absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace paramd
