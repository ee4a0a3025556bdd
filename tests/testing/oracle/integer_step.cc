#include "tests/testing/oracle/integer_step.h"

#include <algorithm>

namespace paramd {
namespace {

std::vector<int32_t> DrawValues(size_t rows, Random& random) {
  std::vector<int32_t> values(rows * OracleTables::kDim);
  // -36, -24, …, 36.
  for (int32_t& value : values) value = 12 * (static_cast<int32_t>(random.NextBelow(7)) - 3);
  return values;
}

}  // namespace

IntegerStep DrawStep(Random& random) {
  IntegerStep step;
  for (size_t i = 0; i < OracleTables::kKeysOfStep; ++i) {
    step.keys.push_back(random.NextBelow(OracleTables::kKeys));
  }
  std::sort(step.keys.begin(), step.keys.end());
  step.keys.erase(std::unique(step.keys.begin(), step.keys.end()), step.keys.end());
  step.sparse = DrawValues(step.keys.size(), random);
  step.dense = DrawValues(OracleTables::kDenseRows, random);
  return step;
}

}  // namespace paramd
