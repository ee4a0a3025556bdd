#include "worker/model/nearest_centre.h"

#include <algorithm>

#include "common/math/blas.h"

namespace paramd {
namespace {

// Products of a block of points with all centres, at most (unless there are more centres).
constexpr size_t kBlockProducts = size_t{1} << 18;

void Mean(absl::Span<const float> rows, size_t dims, std::vector<float>* mean) {
  std::vector<float>& sum = *mean;
  sum.assign(dims, 0);
  const auto count = static_cast<float>(rows.size() / dims);
  for (size_t i = 0; i < rows.size(); i += dims) {
    for (size_t j = 0; j < dims; ++j) sum[j] += rows[i + j] / count;
  }
}

void Move(absl::Span<const float> rows, const std::vector<float>& origin,
          std::vector<float>* moved) {
  moved->resize(rows.size());
  for (size_t i = 0; i < rows.size(); i += origin.size()) {
    for (size_t j = 0; j < origin.size(); ++j) (*moved)[i + j] = rows[i + j] - origin[j];
  }
}

}  // namespace

double SquaredDistance(absl::Span<const float> x, absl::Span<const float> c) {
  double sum = 0;
  for (size_t j = 0; j < x.size(); ++j) {
    const double difference = static_cast<double>(x[j]) - c[j];
    sum += difference * difference;
  }
  return sum;
}

void NearestCentre::Find(absl::Span<const float> points, absl::Span<const float> centres,
                         size_t dims) {
  const size_t rows = points.size() / dims, k = centres.size() / dims;
  numbers_.resize(rows);
  distances_.resize(rows);
  Mean(centres, dims, &origin_);
  Move(centres, origin_, &centres_);
  squares_.assign(k, 0);
  for (size_t i = 0; i < centres_.size(); ++i) squares_[i / dims] += centres_[i] * centres_[i];
  const size_t block = std::max<size_t>(kBlockProducts / k, 1);
  for (size_t begin = 0; begin < rows; begin += block) {
    FindBlock(begin, points.subspan(begin * dims, block * dims), dims);
  }
  for (size_t row = 0; row < rows; ++row) {
    distances_[row] = SquaredDistance(points.subspan(row * dims, dims),
                                      centres.subspan(numbers_[row] * dims, dims));
  }
}

void NearestCentre::FindBlock(size_t begin, absl::Span<const float> points, size_t dims) {
  const size_t rows = points.size() / dims, k = squares_.size();
  Move(points, origin_, &points_);
  products_.resize(rows * k);
  MatMulTransposedB(-2, {points_.data(), rows, dims}, {centres_.data(), k, dims}, 0,
                    {products_.data(), rows, k});
  for (size_t row = 0; row < rows; ++row) {
    float* const distances = products_.data() + row * k;
    for (size_t i = 0; i < k; ++i) distances[i] += squares_[i];
    numbers_[begin + row] =
        static_cast<uint32_t>(std::min_element(distances, distances + k) - distances);
  }
}

}  // namespace paramd
