#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "paramd/v1/status.pb.h"
#include "server/coordinator/membership.h"
#include "server/coordinator/staleness_tuner.h"

namespace paramd {

// Cuts training into windows by what the members report, and asks a StalenessTuner about each. One
// bound for all tables that tune themselves, each within its own limits. A window lasts until two
// heartbeats came and the workers have done four steps each, on average; it begins anew when a
// worker comes or goes. Pure: time comes in as an argument. Not thread-safe.
class AutoStaleness {
 public:
  // `shard_map`: some table of it has HasAutoStaleness().
  AutoStaleness(const v1::ShardMap& shard_map, const v1::Config& config);

  // The bound from now on, when that changes; without the time.
  std::optional<v1::StalenessChoice> Look(const v1::ShardMap& shard_map,
                                          const std::deque<Member>& members, absl::Duration now);

  // Training rests: what comes is another window.
  void Pause() { begin_.reset(); }

 private:
  // Sums at one moment.
  struct Moment {
    absl::Duration time;
    std::vector<uint32_t> workers;  // that are alive, by id
    uint64_t examples = 0;
    double loss_sum = 0;
    // By table, of the server where that is longest.
    std::map<uint32_t, double> waited;
  };
  static Moment MomentOf(const v1::ShardMap& shard_map, const std::deque<Member>& members,
                         absl::Duration now);
  static StalenessTuner::Window Between(const Moment& begin, const Moment& end);

  const absl::Duration shortest_window_;
  // Examples that a worker has done in the shortest window, on average.
  const uint64_t fewest_examples_;
  StalenessTuner tuner_;
  std::optional<Moment> begin_;
};

}  // namespace paramd
