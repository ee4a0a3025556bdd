#include "server/coordinator/staleness_tuner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_format.h"

namespace paramd {
namespace {

constexpr double kRise = 0.05;
constexpr double kRiseOfFall = 0.01;
constexpr int kRises = 2;
constexpr double kWaitsMuch = 0.10;
constexpr double kWaitsVeryMuch = 0.25;
constexpr double kWaitsLittle = 0.01;
constexpr double kLevelUp = 0.1;
constexpr uint32_t kLongestHold = 1024;

std::string Waited(double part) {
  return absl::StrFormat("workers waited %.0f %% of the time", 100 * part);
}

}  // namespace

void StalenessTuner::Hold::Begin() {
  left = next;
  next = std::min(2 * next, kLongestHold);
}

StalenessTuner::StalenessTuner(Limits limits, uint32_t steps)
    : limits_(limits), steps_(std::clamp(steps, limits.min, limits.max)) {}

std::optional<StalenessTuner::Choice> StalenessTuner::Look(const Window& window) {
  ceiling_hold_.Count();
  raised_hold_.Count();
  const double level = level_;
  if (Rose(window.loss)) {
    if (++rises_ < kRises || steps_ == limits_.min) return std::nullopt;
    rises_ = 0;
    ceiling_ = std::max(steps_ / 2, limits_.min);
    ceiling_hold_.Begin();
    return Change(ceiling_, absl::StrFormat("the loss rose from %.4f to %.4f", level, window.loss));
  }
  rises_ = 0;
  if (window.waited > kWaitsMuch) {
    const uint32_t most = ceiling_hold_.left > 0 ? ceiling_ : limits_.max;
    const uint64_t factor = window.waited > kWaitsVeryMuch ? 4 : 2;
    const uint64_t wanted = std::max<uint64_t>(factor * steps_, 1);
    const uint32_t steps = static_cast<uint32_t>(std::min<uint64_t>(wanted, most));
    if (steps <= steps_) return std::nullopt;
    // Lowering it was wrong, unless that is long ago.
    if (!std::exchange(lowered_, false)) raised_hold_.next = Hold().next;
    raised_hold_.Begin();
    return Change(steps, Waited(window.waited));
  }
  if (window.waited < kWaitsLittle && raised_hold_.left == 0 && steps_ > limits_.min) {
    lowered_ = true;
    return Change(std::max(steps_ / 2, limits_.min), Waited(window.waited));
  }
  return std::nullopt;
}

bool StalenessTuner::Rose(double loss) {
  if (!std::isfinite(loss)) return true;
  if (!std::isfinite(level_)) first_ = level_ = loss;
  const double much = std::max(kRise * std::abs(level_), kRiseOfFall * (first_ - level_));
  const bool rose = loss > level_ + much;
  level_ = loss < level_ ? loss : level_ + kLevelUp * (loss - level_);
  return rose;
}

StalenessTuner::Choice StalenessTuner::Change(uint32_t steps, std::string reason) {
  steps_ = steps;
  return {.steps = steps, .reason = std::move(reason)};
}

}  // namespace paramd
