#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "server/coordinator/etcd_client.h"

namespace paramd {

// Which of several processes leads: the one that holds a key in etcd. The key lives as long as its
// etcd lease, which the holder renews; its value is the holder's address. This only chooses: a
// holder may learn late that it no longer is one, so whatever it decides it writes by compare-and-
// swap, and nothing follows from the lease alone. Thread-safe.
class Election {
 public:
  struct Options {
    std::string key;
    // Where others reach this process: host:port.
    std::string address;
    // How long a holder that is not heard of keeps the key; etcd rounds up to seconds.
    absl::Duration lease;
    Clock* clock = &Clock::System();
  };

  // Stands for election from now on.
  Election(std::shared_ptr<EtcdClient> client, Options options);
  // Gives the key up, if etcd answers.
  ~Election();

  // Blocks until this process holds the key. Answers its term: a number that is new each time the
  // key is taken. nullopt: after Stop.
  std::optional<uint64_t> WaitUntilElected();

  // OK: the key has been held without a break since `term` began. UNAVAILABLE: not known at the
  // moment, etcd was not heard of for a lease. ABORTED: the term is over.
  absl::Status Check(uint64_t term);

  // etcd's revision when this process looked for the first time; 0: it has not yet.
  uint64_t first_revision();
  // Address of the holder, as last heard; empty: nobody, or not known.
  std::string leader();
  // What is wrong with etcd; empty: nothing.
  std::string problem();

  // Makes WaitUntilElected return.
  void Stop();

 private:
  void Run();
  // Takes or keeps the key, or sees who has it.
  absl::Status Step();
  absl::Status Renew();
  absl::Status Look();
  absl::Status Take();
  void SetHolder(const std::string& address, int64_t lease);
  void Lose();

  const std::shared_ptr<EtcdClient> client_;
  const Options options_;

  // The thread below only. 0: no lease.
  int64_t lease_id_ = 0;
  absl::Duration lease_until_;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::string leader_ ABSL_GUARDED_BY(mutex_);
  uint64_t first_revision_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string problem_ ABSL_GUARDED_BY(mutex_);
  uint64_t terms_ ABSL_GUARDED_BY(mutex_) = 0;
  // 0: the key is not held. Otherwise it is held at least until `held_until_`.
  uint64_t term_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration held_until_ ABSL_GUARDED_BY(mutex_);

  Thread thread_;
};

}  // namespace paramd
