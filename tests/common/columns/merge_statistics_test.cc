#include "common/columns/merge_statistics.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "common/base/random.h"

namespace paramd {
namespace {

// By the definitions, in two passes.
v1::ColumnStatistics StatisticsOf(const double* begin, const double* end) {
  v1::ColumnStatistics column;
  column.set_count(static_cast<uint64_t>(end - begin));
  if (begin == end) return column;
  double sum = 0, squares = 0;
  for (const double* x = begin; x != end; ++x) sum += *x;
  const double mean = sum / static_cast<double>(end - begin);
  for (const double* x = begin; x != end; ++x) squares += (*x - mean) * (*x - mean);
  column.set_mean(mean);
  column.set_squares(squares);
  column.set_min(*std::min_element(begin, end));
  column.set_max(*std::max_element(begin, end));
  return column;
}

void CheckSame(const v1::ColumnStatistics& merged, const v1::ColumnStatistics& expected) {
  CHECK(merged.count() == expected.count());
  CHECK(merged.mean() == Approx(expected.mean()).epsilon(1e-12));
  CHECK(merged.squares() == Approx(expected.squares()).epsilon(1e-9));
  CHECK(merged.min() == expected.min());
  CHECK(merged.max() == expected.max());
}

TEST_CASE("parts of any size have the statistics of the whole") {
  // A mean that is large beside the deviation costs a sum of squares all its digits.
  const double mean = GENERATE(0.0, -3.0, 1e8);
  Random random(7);
  std::vector<double> values(1000);
  for (double& x : values) x = mean + ToUnitInterval(random.Next());
  const v1::ColumnStatistics whole = StatisticsOf(values.data(), values.data() + values.size());
  const std::vector<size_t> cuts = {0, 0, 1, 3, 3, 500, 990, 1000, 1000};
  v1::ColumnStatistics merged;
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    MergeStatistics(StatisticsOf(values.data() + cuts[i], values.data() + cuts[i + 1]), &merged);
  }
  CheckSame(merged, whole);
}

TEST_CASE("a column without values has none after another one without") {
  v1::ColumnStatistics merged;
  MergeStatistics({}, &merged);
  CHECK(merged.count() == 0);
  const double one = -4;
  MergeStatistics(StatisticsOf(&one, &one + 1), &merged);
  MergeStatistics({}, &merged);
  CheckSame(merged, StatisticsOf(&one, &one + 1));
}

}  // namespace
}  // namespace paramd
