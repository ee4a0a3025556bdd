#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/random.h"

namespace paramd {

// The tables of the oracle: "counts", sparse, whose keys are 0 to kKeys - 1, and "totals", dense.
struct OracleTables {
  static constexpr uint64_t kKeys = 4096;
  static constexpr uint64_t kDenseRows = 16;
  static constexpr uint32_t kDim = 2;  // of both
  static constexpr size_t kKeysOfStep = 24;
};

// One step of updates: integers, so that float32 adds them without rounding in any order, up to
// 2^24. All are multiples of 12, so that their mean over up to four workers is an integer, too.
struct IntegerStep {
  std::vector<uint64_t> keys;   // ascending, unique
  std::vector<int32_t> sparse;  // [keys][kDim]
  std::vector<int32_t> dense;   // [kDenseRows][kDim]
};

// Draws the next step.
IntegerStep DrawStep(Random& random);

}  // namespace paramd
