#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/model/task.h"

namespace paramd {

// Area under the ROC curve: the probability that a random positive has a higher score than a random
// negative, ties counting one half (the Mann-Whitney statistic). Exact; sorts its arguments, so
// O(n log n). NaN when one of the two is empty or a score is NaN.
double Auc(std::vector<float> positives, std::vector<float> negatives);

// Adds up the quality of predictions:
//   binary       auc; logloss = mean -log P(label), P clipped to [1e-15, 1 - 1e-15];
//                accuracy = share with (P(1) > 1/2) == (label > 0)
//   multiclass   logloss; accuracy = share whose label has the highest probability (the first, if
//                several have)
//   regression   rmse = sqrt(mean (score - label)^2); loss = mean (score - label)^2 / 2
//   clustering   loss = mean squared distance
//   embedding    loss = mean over all pairs
// Every example counts once, whatever its weight in training.
// The loss of a binary or multiclass task is its logloss.
// A figure that the task does not have is NaN, and so are all of them without examples or once a
// score was NaN. Keeps 4 bytes for every binary example. Not thread-safe.
class MetricsAccumulator {
 public:
  // `outputs`: scores of an example, as of Model::outputs().
  MetricsAccumulator(Task task, int outputs);

  // scores.size() == labels.size() * outputs. Labels must be valid for the task.
  void Add(absl::Span<const float> labels, absl::Span<const float> scores);

  v1::Metrics Finish() const;

 private:
  void AddExample(float label, absl::Span<const float> scores);

  const Task task_;
  const size_t outputs_;
  uint64_t examples_ = 0;
  uint64_t correct_ = 0;
  double pairs_ = 0;
  double loss_sum_ = 0;
  bool nan_ = false;
  std::vector<float> positives_;
  std::vector<float> negatives_;
};

}  // namespace paramd
