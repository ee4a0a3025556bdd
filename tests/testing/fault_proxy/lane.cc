#include "tests/testing/fault_proxy/lane.h"

#include <algorithm>

namespace paramd {
namespace {

// Unused allowance is kept for this long.
constexpr absl::Duration kBurst = absl::Milliseconds(20);

}  // namespace

Lane::Fate Lane::Take(uint64_t bytes) {
  if (!rules_.swallow.has_value()) return Fate::kPass;
  swallowed_ += bytes;
  if (bytes < *rules_.swallow) {
    *rules_.swallow -= bytes;
    return Fate::kLost;
  }
  rules_.swallow.reset();
  return Fate::kReset;
}

absl::Duration Lane::Due(absl::Duration now) {
  const absl::Duration jitter = rules_.jitter * (2 * random_.NextUnit() - 1);
  return now + std::max(absl::ZeroDuration(), rules_.delay + jitter);
}

uint64_t Lane::Allowed(uint64_t bytes, absl::Duration now) {
  if (rules_.cut) return 0;
  if (rules_.reset_after.has_value()) bytes = std::min(bytes, *rules_.reset_after);
  if (rules_.bytes_per_second == 0) return bytes;
  const auto rate = static_cast<double>(rules_.bytes_per_second);
  const double most = std::max(1.0, rate * absl::ToDoubleSeconds(kBurst));
  tokens_ = std::min(most, tokens_ + rate * absl::ToDoubleSeconds(now - filled_));
  filled_ = now;
  return std::min(bytes, static_cast<uint64_t>(tokens_));
}

Lane::Fate Lane::Passed(uint64_t bytes) {
  passed_ += bytes;
  if (rules_.bytes_per_second > 0) tokens_ -= static_cast<double>(bytes);
  if (!rules_.reset_after.has_value()) return Fate::kPass;
  *rules_.reset_after -= bytes;
  if (*rules_.reset_after > 0) return Fate::kPass;
  rules_.reset_after.reset();
  return Fate::kReset;
}

}  // namespace paramd
