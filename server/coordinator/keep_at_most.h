#pragma once

#include <google/protobuf/repeated_field.h>

#include <limits>

namespace paramd {

// Of a history that is kept in memory.
inline constexpr int kMostPoints = 1000;

// Leaves out points, which are in the order of time (`seconds()`), until there are at most `limit`
// (at least 2): each time the one whose neighbours are closest together. The first and the last one
// stay. Takes time in proportion to their number for each that goes.
template <class Point>
void KeepAtMost(int limit, google::protobuf::RepeatedPtrField<Point>* points) {
  while (points->size() > limit) {
    int closest = 1;
    double gap = std::numeric_limits<double>::infinity();
    for (int i = 1; i + 1 < points->size(); ++i) {
      const double between = points->Get(i + 1).seconds() - points->Get(i - 1).seconds();
      if (between >= gap) continue;
      gap = between;
      closest = i;
    }
    points->DeleteSubrange(closest, 1);
  }
}

}  // namespace paramd
