#include "server/coordinator/keep_at_most.h"

#include <catch2/catch.hpp>
#include <vector>

#include "paramd/v1/status.pb.h"

namespace paramd {
namespace {

std::vector<double> Left(const std::vector<double>& seconds, int limit) {
  google::protobuf::RepeatedPtrField<v1::HistoryPoint> points;
  for (const double second : seconds) points.Add()->set_seconds(second);
  KeepAtMost(limit, &points);
  std::vector<double> left;
  for (const v1::HistoryPoint& point : points) left.push_back(point.seconds());
  return left;
}

TEST_CASE("a point that is close to others goes; the first and the last stay") {
  CHECK(Left({1, 2, 3}, 3) == std::vector<double>{1, 2, 3});
  CHECK(Left({0, 4, 5, 6, 10}, 4) == std::vector<double>{0, 4, 6, 10});
  CHECK(Left({0, 4, 5, 6, 10}, 2) == std::vector<double>{0, 10});
}

TEST_CASE("a long history stays spread over its time") {
  google::protobuf::RepeatedPtrField<v1::HistoryPoint> points;
  for (int i = 0; i < 5000; ++i) {
    points.Add()->set_seconds(i);
    KeepAtMost(100, &points);
  }
  REQUIRE(points.size() == 100);
  CHECK(points[0].seconds() == 0);
  CHECK(points[99].seconds() == 4999);
  for (int i = 1; i < 100; ++i) CHECK(points[i].seconds() - points[i - 1].seconds() <= 4 * 50);
}

}  // namespace
}  // namespace paramd
