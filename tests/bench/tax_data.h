#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace paramd {

// Files of one data set.
struct TrainTest {
  std::string train;
  std::string test;
};

// Writes a click log (deploy/paramctl/click_log.h) of `rows` rows x 39 features with 1.8 million
// different keys, about 270 bytes a row, and 50,000 rows to test on.
TrainTest WriteClickLog(const std::string& folder, uint64_t rows);

// A file of the real data: in PARAMD_DATA, or in ../shared/data beside the checkout that `bazel
// run` was called in. None when it is not there.
std::optional<std::string> RealData(const std::string& file);

// Writes MNIST's 10,000 test digits as CSV, label first, pixels / 255 with 4 digits: the first
// 8,000 to train, the others to test. None without the real data.
std::optional<TrainTest> WriteMnist(const std::string& folder);

}  // namespace paramd
