#include "server/coordinator/column_scales.h"

#include <catch2/catch.hpp>
#include <cmath>

namespace paramd {
namespace {

v1::ColumnStatistics Column(uint64_t count, double mean, double squares, double min, double max) {
  v1::ColumnStatistics column;
  column.set_count(count);
  column.set_mean(mean);
  column.set_squares(squares);
  column.set_min(min);
  column.set_max(max);
  return column;
}

void CheckScale(const v1::ColumnScale& scale, float offset, float factor, float missing) {
  CHECK(scale.offset() == offset);
  CHECK(scale.factor() == factor);
  CHECK(scale.missing() == missing);
}

TEST_CASE("what is done to the values of a column") {
  const v1::ColumnStatistics column = Column(4, 3, 64, -1, 7);
  CheckScale(ScaleOf(column, v1::Data::STANDARD), 3, 0.25f, 3);
  CheckScale(ScaleOf(column, v1::Data::MIN_MAX), -1, 0.125f, 3);
  CheckScale(ScaleOf(column, v1::Data::AS_IS), 0, 1, 3);
}

TEST_CASE("a column whose values are all the same, or as good as that") {
  for (const double squares : {0.0, 1e-90}) {
    CheckScale(ScaleOf(Column(4, 3, squares, 3, 3), v1::Data::STANDARD), 3, 1, 3);
  }
  CheckScale(ScaleOf(Column(4, 3, 0, 3, 3), v1::Data::MIN_MAX), 3, 1, 3);
}

TEST_CASE("a column without values stays, and its missing values are unknown") {
  for (const auto scaling : {v1::Data::AS_IS, v1::Data::STANDARD, v1::Data::MIN_MAX}) {
    const v1::ColumnScale scale = ScaleOf({}, scaling);
    CHECK(scale.offset() == 0);
    CHECK(scale.factor() == 1);
    CHECK(std::isnan(scale.missing()));
  }
}

TEST_CASE("columns are measured for scaling and for means") {
  v1::Data data;
  CHECK_FALSE(WantsScales(data));
  data.set_scaling(v1::Data::AS_IS);
  data.mutable_csv()->set_missing(v1::Csv::ZERO);
  CHECK_FALSE(WantsScales(data));
  data.mutable_csv()->set_missing(v1::Csv::MEAN);
  CHECK(WantsScales(data));
  data.clear_csv();
  data.set_scaling(v1::Data::STANDARD);
  CHECK(WantsScales(data));
}

TEST_CASE("partitions are put together column by column, one of them empty") {
  v1::WorkQueueState work;
  *work.add_items()->add_columns() = Column(1, 2, 0, 2, 2);
  *work.mutable_items(0)->add_columns() = Column(1, 10, 0, 10, 10);
  work.add_items()->add_columns();
  work.mutable_items(1)->add_columns();
  *work.add_items()->add_columns() = Column(2, 5, 2, 4, 6);
  work.mutable_items(2)->add_columns();
  const std::vector<v1::ColumnStatistics> columns = MergeColumns(work, 2);
  REQUIRE(columns.size() == 2);
  // 2, 4, 6
  CHECK(columns[0].count() == 3);
  CHECK(columns[0].mean() == Approx(4));
  CHECK(columns[0].squares() == Approx(8));
  CHECK(columns[0].max() == 6);
  CHECK(columns[1].count() == 1);
  CHECK(columns[1].mean() == 10);
}

}  // namespace
}  // namespace paramd
