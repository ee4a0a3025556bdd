#include "worker/trainer/progress.h"

#include <limits>
#include <utility>

namespace paramd {
namespace {

constexpr absl::Duration kWindow = absl::Seconds(5);

}  // namespace

void Progress::SetActivity(const std::string& activity) {
  MutexLock lock(mutex_);
  report_.set_activity(activity);
}

void Progress::SetClock(uint64_t clock) {
  MutexLock lock(mutex_);
  report_.set_clock(clock);
}

void Progress::Add(uint64_t examples, double loss_sum) {
  MutexLock lock(mutex_);
  report_.set_examples(report_.examples() + examples);
  report_.set_loss_sum(report_.loss_sum() + loss_sum);
}

void Progress::SetPositions(std::function<void(v1::WorkerReport*)> add_positions) {
  MutexLock lock(mutex_);
  add_positions_ = std::move(add_positions);
}

v1::WorkerReport Progress::Report() {
  const absl::Duration now = clock_.SinceBoot();
  std::function<void(v1::WorkerReport*)> add_positions;
  v1::WorkerReport report = Figures(now, &add_positions);
  if (add_positions) add_positions(&report);
  return report;
}

v1::WorkerReport Progress::Figures(absl::Duration now,
                                   std::function<void(v1::WorkerReport*)>* add_positions) {
  MutexLock lock(mutex_);
  *add_positions = add_positions_;
  samples_.push_back({.at = now, .examples = report_.examples(), .loss_sum = report_.loss_sum()});
  while (samples_.size() > 2 && now - samples_[1].at >= kWindow) samples_.pop_front();
  const Sample& oldest = samples_.front();
  const double seconds = absl::ToDoubleSeconds(now - oldest.at);
  const auto examples = static_cast<double>(report_.examples() - oldest.examples);
  report_.set_examples_per_second(seconds > 0 ? examples / seconds : 0);
  report_.set_recent_loss(examples > 0 ? (report_.loss_sum() - oldest.loss_sum) / examples
                                       : std::numeric_limits<double>::quiet_NaN());
  return report_;
}

}  // namespace paramd
