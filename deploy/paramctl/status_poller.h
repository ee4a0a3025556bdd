#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "deploy/paramctl/status_client.h"
#include "paramd/v1/status.pb.h"

namespace paramd {

// Asks a coordinator for its status again and again, on a thread of its own. Thread-safe.
class StatusPoller {
 public:
  // Asks at once and then every `interval`.
  StatusPoller(const std::string& address, absl::Duration interval);
  // Waits for a request under way, 2 s at most.
  ~StatusPoller();

  // Readable when there is a status that was not taken.
  int fd() const { return fd_; }

  // The latest status when it is new; otherwise nullopt.
  std::optional<v1::ClusterStatus> Take();

 private:
  void Poll();

  StatusClient client_;
  const absl::Duration interval_;
  const int fd_;  // an eventfd
  Notification stop_;
  Mutex mutex_;
  std::optional<v1::ClusterStatus> latest_ ABSL_GUARDED_BY(mutex_);
  Thread thread_;
};

}  // namespace paramd
