#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

namespace paramd {

// How long the pulls of each table wait. A client that has several waiting pulls of a table waits
// once. Pure: time comes in as an argument. Not thread-safe.
class WaitTimes {
 public:
  // A pull begins and ends to wait.
  void Begin(uint32_t table, uint32_t client, absl::Duration now);
  void End(uint32_t table, uint32_t client, absl::Duration now);

  // Of all clients so far, also of the waits that go on.
  absl::Duration Waited(uint32_t table, absl::Duration now) const;

 private:
  struct Waiting {
    size_t pulls = 0;
    absl::Duration since;
  };
  // By table and client.
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, Waiting> waiting_;
  // By table.
  absl::flat_hash_map<uint32_t, absl::Duration> waited_;
};

}  // namespace paramd
