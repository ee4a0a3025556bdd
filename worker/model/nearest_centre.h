#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace paramd {

// Which of the centres [k][dims], k > 0, is nearest to each of the points [n][dims]. The products
// that |x - c|^2 = |x|^2 - 2 <x, c> + |c|^2 needs come from OpenBLAS, after both were moved by the
// mean of the centres, so that data far from the origin lose no digits. Keeps scratch memory; not
// thread-safe.
class NearestCentre {
 public:
  void Find(absl::Span<const float> points, absl::Span<const float> centres, size_t dims);

  // Of each point: the centre's number, and the squared distance to it, in double.
  const std::vector<uint32_t>& numbers() const { return numbers_; }
  const std::vector<double>& distances() const { return distances_; }

 private:
  void FindBlock(size_t begin, absl::Span<const float> points, size_t dims);

  std::vector<uint32_t> numbers_;
  std::vector<double> distances_;
  std::vector<float> origin_;    // [dims]
  std::vector<float> centres_;   // moved
  std::vector<float> squares_;   // of the moved centres
  std::vector<float> points_;    // of a block, moved
  std::vector<float> products_;  // [block][k]
};

// |x - c|^2 for x and c of one length.
double SquaredDistance(absl::Span<const float> x, absl::Span<const float> c);

}  // namespace paramd
