#include "worker/eval/metrics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace paramd {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double LogLoss(double probability) {
  constexpr double kClip = 1e-15;
  return -std::log(std::clamp(probability, kClip, 1 - kClip));
}

}  // namespace

double Auc(std::vector<float> positives, std::vector<float> negatives) {
  if (positives.empty() || negatives.empty()) return kNaN;
  const auto is_nan = [](float score) { return std::isnan(score); };
  if (std::any_of(positives.begin(), positives.end(), is_nan)) return kNaN;
  if (std::any_of(negatives.begin(), negatives.end(), is_nan)) return kNaN;
  std::sort(positives.begin(), positives.end());
  std::sort(negatives.begin(), negatives.end());
  unsigned __int128 half_wins = 0;  // a pair counts 2 when the positive is ahead, 1 for a tie
  auto below = negatives.begin(), not_above = negatives.begin();
  for (const float score : positives) {
    below = std::find_if(below, negatives.end(), [&](float n) { return n >= score; });
    not_above = std::find_if(not_above, negatives.end(), [&](float n) { return n > score; });
    half_wins += static_cast<uint64_t>(below - negatives.begin());
    half_wins += static_cast<uint64_t>(not_above - negatives.begin());
  }
  return static_cast<double>(half_wins) /
         (2.0 * static_cast<double>(positives.size()) * static_cast<double>(negatives.size()));
}

MetricsAccumulator::MetricsAccumulator(Task task, int outputs)
    : task_(task), outputs_(static_cast<size_t>(outputs)) {}

void MetricsAccumulator::Add(absl::Span<const float> labels, absl::Span<const float> scores) {
  assert(scores.size() == labels.size() * outputs_);
  for (size_t i = 0; i < labels.size(); ++i) {
    AddExample(labels[i], scores.subspan(i * outputs_, outputs_));
  }
}

void MetricsAccumulator::AddExample(float label, absl::Span<const float> scores) {
  ++examples_;
  nan_ = nan_ || std::any_of(scores.begin(), scores.end(), [](float x) { return std::isnan(x); });
  switch (task_) {
    case Task::kNone:
      break;
    case Task::kBinary: {
      const bool positive = label > 0;
      (positive ? positives_ : negatives_).push_back(scores[0]);
      loss_sum_ += LogLoss(positive ? scores[0] : 1 - static_cast<double>(scores[0]));
      correct_ += (scores[0] > 0.5f) == positive;
      break;
    }
    case Task::kMulticlass: {
      const size_t target = static_cast<size_t>(label);
      loss_sum_ += LogLoss(scores[target]);
      correct_ += std::max_element(scores.begin(), scores.end()) == scores.begin() + target;
      break;
    }
    case Task::kRegression: {
      const double error = static_cast<double>(scores[0]) - label;
      loss_sum_ += error * error / 2;
      break;
    }
    case Task::kClustering:
      loss_sum_ += scores[1];
      break;
    case Task::kEmbedding:
      loss_sum_ += scores[0];
      pairs_ += scores[1];
      break;
  }
}

v1::Metrics MetricsAccumulator::Finish() const {
  v1::Metrics metrics;
  metrics.set_examples(examples_);
  const bool known = examples_ > 0 && !nan_;
  const bool classes = known && (task_ == Task::kBinary || task_ == Task::kMulticlass);
  const double n = static_cast<double>(examples_);
  const double terms = task_ == Task::kEmbedding ? pairs_ : n;
  const double loss = known && task_ != Task::kNone && terms > 0 ? loss_sum_ / terms : kNaN;
  metrics.set_auc(known && task_ == Task::kBinary ? Auc(positives_, negatives_) : kNaN);
  metrics.set_logloss(classes ? loss : kNaN);
  metrics.set_accuracy(classes ? static_cast<double>(correct_) / n : kNaN);
  metrics.set_rmse(known && task_ == Task::kRegression ? std::sqrt(2 * loss) : kNaN);
  metrics.set_loss(loss);
  return metrics;
}

}  // namespace paramd
