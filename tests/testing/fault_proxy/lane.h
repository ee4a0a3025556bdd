#pragma once

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "common/base/random.h"

namespace paramd {

// What is done to the bytes of one direction, on all connections.
struct LaneRules {
  // Bytes leave so long after they came, more or less `jitter` at random, in their order.
  absl::Duration delay = absl::ZeroDuration();
  absl::Duration jitter = absl::ZeroDuration();
  // 0: as fast as they come.
  uint64_t bytes_per_second = 0;
  // Bytes are held.
  bool cut = false;
  // So many further bytes are thrown away, then their connections are reset.
  std::optional<uint64_t> swallow;
  // So many further bytes pass, then their connection is reset.
  std::optional<uint64_t> reset_after;
};

// One direction through the proxy. Knows no socket and no clock. Not thread-safe.
class Lane {
 public:
  // What became of bytes.
  enum class Fate { kPass, kLost, kReset };

  Lane(uint64_t seed, uint64_t stream) : random_(seed, stream) {}

  LaneRules& rules() { return rules_; }
  const LaneRules& rules() const { return rules_; }
  // Bytes that left.
  uint64_t passed() const { return passed_; }
  // Bytes that were thrown away.
  uint64_t swallowed() const { return swallowed_; }

  // `bytes` came: kLost and kReset: they go no further, and their connection is reset now.
  Fate Take(uint64_t bytes);

  // When bytes that come at `now` are to leave.
  absl::Duration Due(absl::Duration now);

  // How many of `bytes`, which are due, may leave at `now`.
  uint64_t Allowed(uint64_t bytes, absl::Duration now);
  // So many of them left: kPass, or kReset: their connection is reset now.
  Fate Passed(uint64_t bytes);

 private:
  LaneRules rules_;
  Random random_;
  uint64_t passed_ = 0;
  uint64_t swallowed_ = 0;
  // What bytes_per_second has allowed and nobody has used, as of `filled_`.
  double tokens_ = 0;
  absl::Duration filled_ = absl::ZeroDuration();
};

}  // namespace paramd
