#include "worker/model/kmeans_seeding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "common/base/random.h"
#include "worker/model/nearest_centre.h"

namespace paramd {
namespace {

constexpr int kLloydSteps = 20;

class Seeding {
 public:
  Seeding(absl::Span<const float> points, size_t dims, size_t clusters)
      : points_(points), dims_(dims), clusters_(clusters), rows_(points.size() / dims) {}

  std::vector<float> Draw(Random& random) {
    std::vector<float> centres;
    distances_.assign(rows_, std::numeric_limits<double>::infinity());
    Take(random.NextBelow(rows_), &centres);
    const int draws = 2 + static_cast<int>(std::log(clusters_));
    while (centres.size() < clusters_ * dims_) Take(DrawBest(draws, random), &centres);
    return centres;
  }

  // Lloyd's algorithm. A centre without points stays where it is.
  void Improve(std::vector<float>* centres) {
    double before = std::numeric_limits<double>::infinity();
    for (int step = 0; step < kLloydSteps; ++step) {
      nearest_.Find(points_, *centres, dims_);
      const double sum = Sum(nearest_.distances());
      if (sum >= before) break;
      before = sum;
      MoveToMeans(centres);
    }
  }

  // LocalSearch++. Returns the sum of squared distances.
  double Swap(Random& random, std::vector<float>* centres) {
    Measure(*centres);
    const size_t draws = std::min<size_t>(8 * clusters_ + 16, 1024);
    for (size_t draw = 0; draw < draws && Sum(distances_) > 0; ++draw) {
      if (!TrySwap(DrawPoint(random), centres)) continue;
      Improve(centres);
      Measure(*centres);
    }
    return Sum(distances_);
  }

 private:
  absl::Span<const float> Point(size_t row) const { return points_.subspan(row * dims_, dims_); }

  void Take(size_t row, std::vector<float>* centres) {
    const absl::Span<const float> point = Point(row);
    centres->insert(centres->end(), point.begin(), point.end());
    Shorten(row, &distances_);
  }

  // Distances once `row` is a centre too; their sum.
  double Shorten(size_t row, std::vector<double>* distances) const {
    double sum = 0;
    for (size_t i = 0; i < rows_; ++i) {
      (*distances)[i] = std::min((*distances)[i], SquaredDistance(Point(i), Point(row)));
      sum += (*distances)[i];
    }
    return sum;
  }

  static double Sum(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
  }

  // A point with probability proportional to its distance.
  size_t DrawPoint(Random& random) const {
    double left = random.NextUnit() * Sum(distances_);
    for (size_t row = 0; row < rows_; ++row) {
      left -= distances_[row];
      if (left < 0) return row;
    }
    return rows_ - 1;
  }

  size_t DrawBest(int draws, Random& random) {
    size_t best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (int draw = 0; draw < draws; ++draw) {
      const size_t row = DrawPoint(random);
      tried_ = distances_;
      const double sum = Shorten(row, &tried_);
      if (sum < least) least = sum, best = row;
    }
    return best;
  }

  // Fills the squared distances to the nearest centre and to the next one, and which is nearest.
  void Measure(const std::vector<float>& centres) {
    distances_.assign(rows_, std::numeric_limits<double>::infinity());
    next_distances_ = distances_;
    nearest_centres_.assign(rows_, 0);
    for (size_t row = 0; row < rows_; ++row) {
      for (size_t cluster = 0; cluster < clusters_; ++cluster) {
        const double distance = SquaredDistance(
            Point(row), absl::MakeConstSpan(centres).subspan(cluster * dims_, dims_));
        if (distance < distances_[row]) {
          next_distances_[row] = std::exchange(distances_[row], distance);
          nearest_centres_[row] = cluster;
        } else {
          next_distances_[row] = std::min(next_distances_[row], distance);
        }
      }
    }
  }

  // Puts `row` in the place of the centre that is missed least, if that makes the sum of squared
  // distances smaller by more than one part in 100 clusters.
  bool TrySwap(size_t row, std::vector<float>* centres) {
    missed_.assign(clusters_, 0);  // what the sum grows by without a centre
    double sum = 0;
    for (size_t i = 0; i < rows_; ++i) {
      const double distance = SquaredDistance(Point(i), Point(row));
      const double with = std::min(distance, distances_[i]);
      sum += with;
      missed_[nearest_centres_[i]] += std::min(distance, next_distances_[i]) - with;
    }
    const auto least = std::min_element(missed_.begin(), missed_.end());
    const double gain = 1 / (100.0 * static_cast<double>(clusters_));
    if (sum + *least >= (1 - gain) * Sum(distances_)) return false;
    const absl::Span<const float> point = Point(row);
    std::copy(point.begin(), point.end(),
              centres->begin() + (least - missed_.begin()) * static_cast<ptrdiff_t>(dims_));
    return true;
  }

  void MoveToMeans(std::vector<float>* centres) {
    means_.assign(clusters_ * dims_, 0);
    counts_.assign(clusters_, 0);
    for (size_t row = 0; row < rows_; ++row) {
      const size_t cluster = nearest_.numbers()[row];
      ++counts_[cluster];
      for (size_t j = 0; j < dims_; ++j) means_[cluster * dims_ + j] += points_[row * dims_ + j];
    }
    for (size_t i = 0; i < means_.size(); ++i) {
      const double count = counts_[i / dims_];
      if (count > 0) (*centres)[i] = static_cast<float>(means_[i] / count);
    }
  }

  const absl::Span<const float> points_;
  const size_t dims_;
  const size_t clusters_;
  const size_t rows_;
  std::vector<double> distances_;  // of each point to the nearest centre so far, squared
  std::vector<double> tried_;      // the same with one more
  std::vector<double> next_distances_;
  std::vector<size_t> nearest_centres_;
  std::vector<double> missed_;
  std::vector<double> means_;
  std::vector<double> counts_;
  NearestCentre nearest_;
};

}  // namespace

std::vector<float> SeedCentres(absl::Span<const float> points, size_t dims, size_t clusters,
                               uint64_t seed) {
  Seeding seeding(points, dims, clusters);
  std::vector<float> best;
  double least = std::numeric_limits<double>::infinity();
  const uint64_t attempts = clusters <= 64 ? 3 : 1;
  for (uint64_t attempt = 0; attempt < attempts; ++attempt) {
    Random random(seed, attempt);
    std::vector<float> centres = seeding.Draw(random);
    seeding.Improve(&centres);
    const double sum = seeding.Swap(random, &centres);
    if (sum < least) least = sum, best = std::move(centres);
  }
  return best;
}

}  // namespace paramd
