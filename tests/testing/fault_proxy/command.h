#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace paramd {

// What the proxy is told. WAY is up (client to server), down, or both.
struct ProxyCommand {
  enum class Kind {
    kDelay,       // delay WAY DURATION [JITTER]
    kThrottle,    // throttle WAY BYTES_PER_SECOND
    kCut,         // cut WAY: bytes are held
    kSwallow,     // swallow WAY [BYTES]: thrown away; after so many their connections are reset
    kResetAfter,  // reset_after WAY BYTES: so many pass, then their connection is reset
    kHalfClose,   // half_close WAY: who reads there sees the end; what comes is thrown away
    kReset,       // reset: all connections, now
    kRefuse,      // refuse: new connections
    kHeal,        // heal: all of it is over; connections that have lost bytes are reset
    kTo,          // to HOST:PORT: where new connections lead
    kStats,       // stats: answers the counters
  };
  Kind kind = Kind::kStats;
  bool up = false;
  bool down = false;
  absl::Duration delay = absl::ZeroDuration();
  absl::Duration jitter = absl::ZeroDuration();
  // Of throttle in a second; of swallow none: without end.
  std::optional<uint64_t> bytes;
  std::string target;
};

// INVALID_ARGUMENT: no such command, or not its arguments.
absl::StatusOr<ProxyCommand> ParseProxyCommand(absl::string_view line);

}  // namespace paramd
