#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// What a shard asks of the server that serves it.
struct ShardCost {
  uint64_t bytes = 0;
  double rows_per_second = 0;  // pushed and pulled
};
// By table and shard.
using ShardCosts = std::map<std::pair<uint32_t, uint32_t>, ShardCost>;

// What shards cost, from the reports of their primaries: rates are the difference of two reports of
// one server that are at least a window apart. Time comes in. Not thread-safe.
class ShardTraffic {
 public:
  explicit ShardTraffic(absl::Duration window) : window_(window) {}

  void Add(uint32_t server, const v1::ServerReport& report, absl::Duration now);

  // Whether each of the servers has ended a window since this was last true.
  bool TakeRound(absl::Span<const uint32_t> servers);

  // As last measured, also of shards that have moved since.
  const ShardCosts& costs() const { return costs_; }

 private:
  // The report that a window begins with.
  struct Begin {
    absl::Duration at;
    std::map<std::pair<uint32_t, uint32_t>, uint64_t> rows;
    uint64_t windows = 0;  // that have ended since the last round
  };

  const absl::Duration window_;
  std::map<uint32_t, Begin> servers_;
  ShardCosts costs_;
};

}  // namespace paramd
