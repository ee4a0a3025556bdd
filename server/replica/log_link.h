#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "server/replica/replica_link.h"
#include "server/storage/operation_log.h"

namespace paramd {

// Server id that stands for the log on this server's own disk among the targets of a shard.
inline constexpr uint32_t kLogTarget = 0;

// The operation log as one more backup: its records are the messages that backups get. While it
// cannot be written (a full disk) everything is let go at once, as if it were not there, and
// problem() says so, until the log is begun anew. Thread-safe.
class OperationLogLink final : public ReplicaLink {
 public:
  // `log` outlives it. `reach`: how far a record has to come before it is let go.
  OperationLogLink(OperationLog& log, OperationLog::Reach reach) : log_(log), reach_(reach) {}

  void Send(ReplicaFrame frame, std::shared_ptr<Acknowledgement> acknowledgement) override;
  void WhenAllAnswered(std::shared_ptr<Acknowledgement> acknowledgement) override;
  void WhenAllTaken(uint64_t, std::shared_ptr<Acknowledgement> acknowledgement) override {
    WhenAllAnswered(std::move(acknowledgement));  // it refuses nothing
  }
  void Release() override {}
  void GiveUp() override { given_up_ = true; }
  uint64_t queued_bytes() const override { return 0; }  // Send waits instead

  // Why the log is not written; empty: it is.
  std::string problem() const ABSL_LOCKS_EXCLUDED(mutex_);
  // It is written again: what was lost is in copies of the shards.
  void Forgive() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Failed(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);
  void Notify(uint64_t position, std::shared_ptr<Acknowledgement> acknowledgement);

  OperationLog& log_;
  const OperationLog::Reach reach_;
  std::atomic<uint64_t> last_position_{0};
  std::atomic<bool> given_up_{false};
  mutable Mutex mutex_;
  std::string problem_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
